/** What a feed's object has done to its storage since it was loaded, and what its tables hold. */
export interface StorageCounts {
  /** Rows written, as they are billed. */
  readonly rowsWritten: number;
  /** Journal rows that publishes wrote. All other rows belong to checkpoints. */
  readonly journalRows: number;
  /** Goes up by one with each checkpoint. */
  readonly generation: number;
  /** Characters in the journal since the last checkpoint. */
  readonly journalLength: number;
}
