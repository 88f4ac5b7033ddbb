import type { AnySelection } from "../selection.ts";
import type { Tools } from "./tools.ts";

/** What the server takes in one selection: keys and prefixes, and fields. */
const MAX_KEYS = 1_000;
const MAX_FIELDS = 64;
/** Characters of keys in a URL, where proxies commonly allow 8 KiB for all of it. */
const MAX_QUERY = 7_000;

/** Tells whether entries of `wide` have all that a selection selects. */
export function coverage(
  { keys, fields = [] }: AnySelection,
  { keyFilter }: Pick<Tools, "keyFilter">,
): (narrow: AnySelection) => boolean {
  const isCovered = keyFilter({ keys });
  return ({ keys: wanted = [], fields: names = [] }) =>
    // A pattern is covered by a shorter one as a key is; all keys are covered as `*` is.
    (wanted.length > 0 ? wanted : ["*"]).every(isCovered) &&
    (fields.length === 0 || (names.length > 0 && names.every((name) => fields.includes(name))));
}

/** Gathers selections of the same mode into one that covers them all. */
export interface Merging {
  /** Returns false, and takes nothing, if the server would not take them together. A first one is always taken. */
  add(selection: AnySelection): boolean;
  readonly merged: AnySelection;
}

export function createMerging(): Merging {
  /** Undefined is all. */
  let keys: Set<string> | undefined = new Set();
  let fields: Set<string> | undefined = new Set();
  let hz: number | undefined = 0;
  let mode: AnySelection["mode"];
  let length = 0;

  return {
    add(selection) {
      const { keys: more = [], fields: names = [] } = selection;
      if (keys) {
        const fresh = more.filter((key) => !keys?.has(key));
        const added = fresh.reduce((sum, key) => sum + encodeURIComponent(key).length + "%2C".length, 0);
        if (more.length === 0) keys = undefined;
        else if (keys.size > 0 && (keys.size + fresh.length > MAX_KEYS || length + added > MAX_QUERY)) return false;
        else for (const key of fresh) keys.add(key);
        length += added;
      }
      if (fields) {
        for (const name of names) fields.add(name);
        if (names.length === 0 || fields.size > MAX_FIELDS) fields = undefined;
      }
      ({ mode } = selection);
      hz = hz === undefined || selection.hz === undefined ? undefined : Math.max(hz, selection.hz);
      return true;
    },
    get merged() {
      return {
        keys: [...(keys ?? [])].toSorted(),
        fields: fields && [...fields].toSorted(),
        hz,
        mode,
      };
    },
  };
}
