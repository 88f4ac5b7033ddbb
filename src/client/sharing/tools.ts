import type { isEqual } from "../equal.ts";
import type { firstStatus } from "../first-status.ts";
import type { Runtime } from "../runtime.ts";
import type { cutter, keyFilter } from "../selection.ts";

// Most pages share nothing, so this folder is loaded when it is first used. It shares no code with the rest of the client,
// only types: bundlers would put shared code into one more file, which every page would load.

/** What this folder uses of the client. */
export interface Tools {
  readonly runtime: Runtime;
  readonly isEqual: typeof isEqual;
  readonly keyFilter: typeof keyFilter;
  readonly cutter: typeof cutter;
  readonly firstStatus: typeof firstStatus;
}
