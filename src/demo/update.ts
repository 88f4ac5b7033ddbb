/** The values of a flat entry; `null` takes a field away when it comes in a patch. */
export type Fields = Record<string, number | string | boolean | null>;

/**
 * One change of one key in the publish format of `POST /v1/feeds/{feed}`, narrowed to flat fields,
 * for which joining two merge patches into one is always possible. `time` is in milliseconds since 1970.
 */
export type Update = { key: string; time?: number } & ({ set: Fields } | { patch: Fields } | { delete: true });

/** One update that does what `first` and then `next` would have done. Both are of the same key. */
function joinUpdates(first: Update, next: Update): Update {
  if (!("patch" in next)) return next;
  // A patch keeps its nulls, for what they take away may still be on the server.
  if ("patch" in first) return { ...next, patch: { ...first.patch, ...next.patch } };
  const { patch, ...rest } = next;
  return { ...rest, set: applyPatch("set" in first ? first.set : {}, patch) };
}

/** RFC 7396 for flat fields. */
function applyPatch(fields: Fields, patch: Fields): Fields {
  const merged = { ...fields, ...patch };
  for (const [name, value] of Object.entries(patch)) if (value === null) delete merged[name];
  return merged;
}

/** The same changes with one update a key, keys in the order in which they last changed. */
export function joinByKey(updates: readonly Update[]): Update[] {
  const latest = new Map<string, Update>();
  for (const update of updates) {
    const earlier = latest.get(update.key);
    // Removed first: a key keeps its place in a Map when it is only overwritten.
    latest.delete(update.key);
    latest.set(update.key, earlier ? joinUpdates(earlier, update) : update);
  }
  return [...latest.values()];
}
