import { isJsonObject, type JsonObject } from "../protocol/json.ts";
import { cutter, keyFilter, type AnySelection } from "./selection.ts";
import type { InitialSnapshot } from "./types.ts";

/** A snapshot that a view begins with. */
export interface Loaded {
  readonly epoch: string;
  readonly seq: number;
  readonly time: number | undefined;
  readonly entries: Map<string, JsonObject>;
}

/** What a selection has of a snapshot that was read elsewhere. Throws a `TypeError` if it is none. */
export function readInitial(initial: InitialSnapshot, selection: AnySelection): Loaded {
  const { epoch, seq, entries: given }: Readonly<Record<keyof InitialSnapshot, unknown>> = { time: 0, ...initial };
  if (typeof epoch !== "string" || typeof seq !== "number" || !isJsonObject(given)) {
    throw new TypeError("initial is not a snapshot of a feed");
  }
  const isSelected = keyFilter(selection);
  const cut = cutter(selection);
  const entries = new Map<string, JsonObject>();
  for (const [key, value] of Object.entries(given)) {
    if (isJsonObject(value) && isSelected(key)) entries.set(key, cut(value));
  }
  return { epoch, seq, time: initial.time, entries };
}
