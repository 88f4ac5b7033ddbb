// @ts-check
// What a subscriber knows of one feed: its entries and its position. No DOM, no sockets, no clock.

/** @typedef {Record<string, unknown>} Entry An entry's fields. Read them with `fieldOf`. */
/** @typedef {{ epoch: string, seq: number }} Position */
/** @typedef {{ key: string, set: Entry } | { key: string, patch: Entry } | { key: string, delete: true }} Update */

/**
 * @typedef {object} View
 * @property {Map<string, Entry>} entries
 * @property {Position | null} position Where `entries` stands; null before the first snapshot.
 * @property {boolean} awaitsSnapshot The server is in another epoch, so only a snapshot can follow.
 * @property {{ position: Position, entries: Map<string, Entry> } | null} partial A snapshot that is still arriving.
 */

/**
 * What a message did to the view. After a `fault` the view is as it was, and the connection has to be made again.
 * @typedef {{ kind: "ignored" }
 *   | { kind: "hello", current: boolean }
 *   | { kind: "partial" }
 *   | { kind: "snapshot" }
 *   | { kind: "update", keys: string[] }
 *   | { kind: "fault", why: string }} Outcome
 */

/** @returns {View} */
export function createView() {
  return { entries: new Map(), position: null, awaitsSnapshot: true, partial: null };
}

/**
 * Applies one message: whole, or not at all.
 * @param {View} view
 * @param {unknown} message Parsed JSON of one frame.
 * @returns {Outcome}
 */
export function applyMessage(view, message) {
  if (!isObject(message)) return { kind: "ignored" };
  if (message.type === "hello") return applyHello(view, message);
  if (message.type === "snapshot") return applySnapshot(view, message);
  if (message.type === "update") return applyUpdate(view, message);
  return { kind: "ignored" };
}

/**
 * Notes where the server is. That is not yet our position: only what it sends next moves us there.
 * @param {View} view
 * @param {Record<string, unknown>} message
 * @returns {Outcome}
 */
function applyHello(view, message) {
  const { position } = view;
  view.partial = null;
  view.awaitsSnapshot = position === null || message.epoch !== position.epoch;
  return { kind: "hello", current: !view.awaitsSnapshot && message.seq === position?.seq };
}

/**
 * @param {View} view
 * @param {Record<string, unknown>} message
 * @returns {Outcome}
 */
function applySnapshot(view, message) {
  const { epoch, seq, entries } = message;
  if (typeof epoch !== "string" || !isSeq(seq) || !isObject(entries)) return fault("a malformed snapshot");
  const partial = view.partial ?? { position: { epoch, seq }, entries: new Map() };
  if (partial.position.epoch !== epoch || partial.position.seq !== seq) {
    return fault("snapshot parts of different positions");
  }
  const parts = Object.entries(entries);
  for (const [key, entry] of parts) {
    if (!isObject(entry)) return fault(`entry ${key} is not an object`);
  }
  for (const [key, entry] of parts) partial.entries.set(key, /** @type {Entry} */ (entry));
  if (message.more === true) {
    view.partial = partial;
    return { kind: "partial" };
  }
  view.entries = partial.entries;
  view.position = partial.position;
  view.partial = null;
  view.awaitsSnapshot = false;
  return { kind: "snapshot" };
}

/**
 * @param {View} view
 * @param {Record<string, unknown>} message
 * @returns {Outcome}
 */
function applyUpdate(view, message) {
  const { position, entries } = view;
  const { from, seq, updates } = message;
  if (position === null || view.awaitsSnapshot) return fault("an update where a snapshot was due");
  if (view.partial !== null) return fault("an update inside a snapshot");
  if (from !== position.seq) return fault(`a gap: at ${position.seq}, the update is from ${String(from)}`);
  // Everything is checked before anything is applied, so that a batch is seen whole or not at all.
  if (!isSeq(seq) || seq < position.seq || !Array.isArray(updates) || !updates.every(isUpdate)) {
    return fault("a malformed update");
  }
  /** @type {Set<string>} */
  const keys = new Set();
  for (const update of updates) {
    if ("set" in update) entries.set(update.key, update.set);
    else if ("patch" in update) {
      entries.set(update.key, /** @type {Entry} */ (mergePatch(entries.get(update.key), update.patch)));
    } else entries.delete(update.key);
    keys.add(update.key);
  }
  view.position = { epoch: position.epoch, seq };
  return { kind: "update", keys: [...keys] };
}

/**
 * RFC 7396. Returns a new value and leaves both arguments alone.
 * @param {unknown} target
 * @param {unknown} patch
 * @returns {unknown}
 */
export function mergePatch(target, patch) {
  if (!isObject(patch)) return patch;
  // Without a prototype, "__proto__" is a field like any other.
  const merged = Object.create(null);
  if (isObject(target)) for (const name of Object.keys(target)) merged[name] = target[name];
  for (const name of Object.keys(patch)) {
    if (patch[name] === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], patch[name]);
  }
  return merged;
}

/**
 * A field's value, or undefined. Entries fresh from JSON.parse have a prototype, whose members are not fields.
 * @param {Entry} entry
 * @param {string} name
 * @returns {unknown}
 */
export function fieldOf(entry, name) {
  return Object.hasOwn(entry, name) ? entry[name] : undefined;
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * @param {unknown} value
 * @returns {value is number}
 */
function isSeq(value) {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/**
 * @param {unknown} value
 * @returns {value is Update}
 */
function isUpdate(value) {
  if (!isObject(value) || typeof value.key !== "string") return false;
  const changes = ["set", "patch", "delete"].filter((name) => Object.hasOwn(value, name));
  if (changes.length !== 1) return false;
  return changes[0] === "delete" ? value.delete === true : isObject(value.set ?? value.patch);
}

/**
 * @param {string} why
 * @returns {Outcome}
 */
function fault(why) {
  return { kind: "fault", why };
}
