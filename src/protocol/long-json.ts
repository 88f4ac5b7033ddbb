import { isJsonObject, parseJson, type Parsed } from "./json.ts";
import { skipString } from "./json-scan.ts";
import { LIMITS } from "./limits.ts";

/** The work of one step, counted in characters of plain text: half a millisecond. */
export const STEP_WORK = 32 * 1024;
/** The work of a name or a bracket. Names that do not repeat take longest to parse. */
const NAME_WORK = 100;

/** The least bytes of JSON that two brackets take, and a name with its colon. */
const BRACKETS = 2;
const NAME = 3;
/** How many such bytes one update may have, and all that is outside the list of updates: a value, and a little more. */
const ROOM = LIMITS.valueBytes + 1024;
/** Levels of nesting that are kept: already fewer are too many. */
const DEEPEST = 2 * LIMITS.valueDepth;

const [QUOTE, COMMA, COLON, OPEN_LIST, OPEN_OBJECT] = [0x22, 0x2c, 0x3a, 0x5b, 0x7b];
/** From the code of an opening bracket to that of its closing bracket. */
const TWO = 2;
const [CLOSE_LIST, CLOSE_OBJECT] = [OPEN_LIST + TWO, OPEN_OBJECT + TWO];

/** Why a text is refused that has more in one place than anything on the wire may have. */
export const OVERSIZED = "an object, an array or all of it is longer than it may be";
const BROKEN: Parsed = parseJson("{");

/** A text taken apart: what is outside its lists, and the items of the lists. */
interface Apart {
  /** The text, with each list replaced by `[n]`: its index in `lists`. */
  readonly outline: string;
  readonly lists: readonly (readonly Item[])[];
}

interface Item {
  readonly text: string;
  /** The work of parsing it. */
  readonly work: number;
}

/**
 * Parses JSON text as `parseJson` does, but long text in steps. Yields after each step how much work it was: JSON with very
 * many names takes ten times as long to parse as other JSON of its length. Does not read a text that has more in one place
 * than anything on the wire may have.
 */
export function* parseJsonInSteps(text: string): Generator<number, Parsed> {
  if (text.length <= LIMITS.valueBytes) return parseJson(text);
  const apart = takeApart(text);
  if (apart === "oversized") return { ok: false, reason: OVERSIZED, oversized: true };
  if (apart === "broken") return BROKEN;
  yield STEP_WORK;
  const outline = parseJson(apart.outline);
  if (!outline.ok) return outline;
  const lists: unknown[][] = [];
  let read = apart.outline.length;
  for (const texts of apart.lists) {
    const items: unknown[] = [];
    for (const { text, work } of texts) {
      const parsed = parseJson(text);
      if (!parsed.ok) return BROKEN;
      items.push(parsed.value);
      read += work;
      if (read < STEP_WORK) continue;
      yield read;
      read = 0;
    }
    lists.push(items);
  }
  return { ok: true, value: putTogether(outline.value, lists) };
}

/** Parses only what is outside the lists of a text. */
export function parseOutline(text: string): Parsed {
  if (text.length <= LIMITS.valueBytes) return parseJson(text);
  const apart = takeApart(text);
  return typeof apart === "string" ? BROKEN : parseJson(apart.outline);
}

/** Takes all steps at once. */
export function finishSteps<T>(steps: Generator<number, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

function putTogether(outline: unknown, lists: readonly unknown[][]): unknown {
  if (Array.isArray(outline)) return lists[0];
  if (!isJsonObject(outline)) return outline;
  for (const name of Object.keys(outline)) {
    const value = outline[name];
    if (!Array.isArray(value)) continue;
    const list = lists[Number(value[0])];
    Object.defineProperty(outline, name, { value: list, writable: true, enumerable: true, configurable: true });
  }
  return outline;
}

/**
 * Finds the lists of a text, and whether anything in it is too long, without parsing it. Leaves out what is nested deeper
 * than `DEEPEST`: what is left is still nested too deep, and is refused for that.
 */
function takeApart(text: string): Apart | "oversized" | "broken" {
  const lists: Item[][] = [];
  let outline = "";
  let list: Item[] | undefined;
  /** How many brackets are open around the items of the list. */
  let around = 0;
  /** Of the current item or outline: what is copied already, and where the rest begins. */
  let copied = "";
  let next = 0;
  /** Its names and brackets. */
  let names = 0;
  let room = ROOM;
  let outlineRoom = ROOM;
  /** The brackets that close what is open, and how many commas each outer level may still have. */
  const open: number[] = [];
  const outer: number[] = [];
  let left = LIMITS.arrayItems;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) i = skipString(text, i) - 1;
    else if (unit === COMMA || unit === COLON) {
      if (open.length > DEEPEST) continue;
      if (unit === COMMA && --left < 0) return "oversized";
      if (unit === COMMA && list && open.length === around) {
        list.push({ text: copied + text.slice(next, i), work: i - next + names * NAME_WORK });
        copied = "";
        names = 0;
        next = i + 1;
        room = ROOM;
      } else if ((room -= unit === COMMA ? 1 : NAME) < 0) return "oversized";
      if (unit === COLON) names++;
    } else if (unit === OPEN_LIST || unit === OPEN_OBJECT) {
      const depth = open.length;
      if (unit === OPEN_LIST && !list && (depth === 0 || (depth === 1 && open[0] === CLOSE_OBJECT))) {
        outline += `${text.slice(next, i + 1)}${lists.length}`;
        next = i + 1;
        lists.push((list = []));
        around = depth + 1;
        outlineRoom = room;
        room = ROOM;
      } else if (depth < DEEPEST && (room -= BRACKETS) < 0) return "oversized";
      names++;
      if (depth === DEEPEST) copied += text.slice(next, i);
      open.push(unit + TWO);
      outer.push(left);
      left = unit === OPEN_LIST ? LIMITS.arrayItems : LIMITS.objectMembers;
    } else if (unit === CLOSE_LIST || unit === CLOSE_OBJECT) {
      if (open.pop() !== unit) return "broken";
      left = outer.pop() ?? LIMITS.arrayItems;
      if (open.length === DEEPEST) {
        copied += "0";
        next = i + 1;
      }
      if (!list || open.length >= around) continue;
      const last = copied + text.slice(next, i);
      if (list.length > 0 || last.trim() !== "") list.push({ text: last, work: i - next + names * NAME_WORK });
      names = 0;
      list = undefined;
      copied = "";
      next = i;
      room = outlineRoom;
    }
  }
  if (open.length > 0) return "broken";
  return { outline: outline + copied + text.slice(next), lists };
}
