import * as v from "valibot";
import { MODES, type Mode } from "./codes.ts";
import { LIMITS } from "./limits.ts";
import type { Selection } from "./selection.ts";

/** What a subscriber asks for, in the query or in a `subscribe` message. */
export interface Subscription {
  selection: Selection;
  mode: Mode;
  /** At most so many messages a second; undefined means as often as the server flushes. */
  hz: number | undefined;
}

export const hzSchema = v.pipe(
  v.number("is not a number"),
  v.minValue(LIMITS.hzMin, `is below ${LIMITS.hzMin}`),
  v.maxValue(LIMITS.hzMax, `is above ${LIMITS.hzMax}`),
);
export const modeSchema = v.picklist(MODES, "is neither latest nor all");
