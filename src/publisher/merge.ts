import type { JsonObject } from "../protocol/json.ts";
import { applyMergePatch, composeInto } from "../protocol/merge-patch.ts";
import { encodeCall, updatesOf, type CallContent } from "./call.ts";

/** An update as it is sent. */
type SentUpdate = { readonly key: string; readonly version?: number } & (
  | { readonly set: JsonObject }
  | { readonly patch: JsonObject }
  | { readonly delete: true }
);

/**
 * A call with the effect of all of them, in this order; undefined if there is none. It is a batch with one update for each key:
 * those of the last call come first, so that what the server says of them has the same index.
 */
export function mergeCalls(earlier: readonly CallContent[], last: CallContent): CallContent | undefined {
  // Without reading them: where a `set` replaces another, it is often so.
  const replaces = ({ isSet, version, keys }: CallContent): boolean =>
    isSet && version === undefined && keys[0] === last.keys[0];
  if ([...earlier, last].every(replaces)) return last;
  const merged = new Map<string, SentUpdate>();
  for (const update of updatesAsSent([...earlier, last])) {
    const before = merged.get(update.key);
    const both = before ? mergeUpdates(before, update) : update;
    if (!both) return undefined;
    merged.set(update.key, both);
  }
  const updates = new Set([...last.keys, ...merged.keys()].map((key) => merged.get(key)).filter((update) => !!update));
  const [only] = updates;
  try {
    return encodeCall(updates.size === 1 && only ? only : [...updates]);
  } catch {
    // More than one batch may have.
    return undefined;
  }
}

/** An update with the effect of both, whatever there was before; undefined if there is none. */
function mergeUpdates(first: SentUpdate, second: SentUpdate): SentUpdate | undefined {
  if (first.version !== undefined || second.version !== undefined) {
    // One that may turn out to be stale must not replace one that is not; and a version guards the key ever after.
    const isAbove = (first.version ?? Infinity) < (second.version ?? -Infinity);
    return isAbove && !("patch" in second) ? second : undefined;
  }
  if (!("patch" in second)) return second;
  const { patch, ...rest } = second;
  if (!("patch" in first)) return { ...rest, set: applyMergePatch("set" in first ? first.set : undefined, patch) };
  // What was parsed here is nobody else's.
  return composeInto(first.patch, patch) ? { ...rest, patch: first.patch } : undefined;
}

function updatesAsSent(calls: readonly CallContent[]): SentUpdate[] {
  // The publisher wrote them itself. Should one be malformed, the server says so of what is made of it.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return updatesOf(calls) as SentUpdate[];
}
