/** What a feed's object has done to its storage since it was loaded, and how its tables stand. */
export interface StorageCounts {
  /** Rows written, as they are billed. */
  readonly rowsWritten: number;
  /** Of them, rows of the journal that publishes wrote; all others belong to checkpoints. */
  readonly journalRows: number;
  /** Goes up by one with each checkpoint. */
  readonly generation: number;
  /** Characters in the journal since the last checkpoint. */
  readonly journalLength: number;
}
