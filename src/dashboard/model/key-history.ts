import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { applyMergePatch } from "../../protocol/merge-patch.ts";

/** A key's value as it was from one moment on; none where it was deleted. */
export interface Moment {
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly value: JsonObject | undefined;
}

export interface HistoryPage {
  /** Oldest first, with what is known of each value: before the first `set`, only what patches told. */
  readonly moments: readonly Moment[];
  /** The seq before which there are older updates; none where there are none. */
  readonly before: number | undefined;
}

/** Reads an answer of `/history` and replays its updates. What is not an update there is passed over. */
export function readHistory(body: Json): HistoryPage {
  const updates = isJsonObject(body) && Array.isArray(body["updates"]) ? body["updates"] : [];
  const moments: Moment[] = [];
  let value: JsonObject | undefined;
  for (const update of updates) {
    if (!isJsonObject(update)) continue;
    const { seq, time, set, patch } = {
      seq: update["seq"],
      time: update["time"],
      set: update["set"],
      patch: update["patch"],
    };
    if (typeof seq !== "number" || typeof time !== "number") continue;
    if (set !== undefined && isJsonObject(set)) value = set;
    else if (patch !== undefined && isJsonObject(patch)) value = applyMergePatch(value, patch);
    else value = undefined;
    moments.push({ seq, time, value });
  }
  const more = isJsonObject(body) && body["more"] === true;
  return { moments, before: more ? moments[0]?.seq : undefined };
}
