/** What the objects of one process have done since it started. */
export interface ApartCounts {
  /** Requests to objects that came from the other process, by method. Each is billed as one. */
  readonly requests: Readonly<Record<string, number>>;
  readonly alarms: number;
  /** Rows written, as they are billed. */
  readonly rowsBySql: number;
  /** The same by key, and one for each alarm that is set. A leader writes them for its replicas alone. */
  readonly otherRows: number;
  /** Objects loaded into memory. */
  readonly loaded: number;
}

/** What the planner makes of very many subscribers. */
export interface PlanOfMany {
  readonly replicas: number;
  /** Milliseconds for which a replica gathers updates; 0 if it sends them as they come. */
  readonly window: number;
}
