import { readOwnJson } from "../../protocol/json.ts";
import { skipString } from "../../protocol/json-scan.ts";
import { readEncodedUpdate, type Stamps, type Update } from "../../protocol/update.ts";

/** Cuts the text of a value to some of its members. */
export type CutValue = (value: string) => string;

/** The length of what comes before the key. */
const HEAD = `{"key":`.length;
const LETTER_D = 0x64;
const LETTER_P = 0x70;

/**
 * An accepted update as canonical text, with its seq. The text is written once, then only copied, and parsed only as far as
 * it is asked for: most values are stored and sent as they are, and parsing them would be most of the work of a publish.
 * Trusts the text, as `readEncodedUpdate` does.
 */
export class AcceptedUpdate {
  readonly text: string;
  readonly seq: number;
  /** May be a part of the text and keep it in memory. */
  readonly key: string;
  readonly change: "set" | "patch" | "delete";
  readonly time: number | undefined;
  readonly version: number | undefined;
  readonly ttl: number | undefined;
  /**
   * Whether it is known to be a patch of an entry that was there. Subscribers who selected none of its fields need not know
   * of such a patch. Any other makes its entry, or may.
   */
  meetsEntry = false;
  readonly #valueStart: number;
  readonly #valueEnd: number;
  #update: Update | undefined;
  #valueText: string | undefined;

  constructor(text: string, seq: number) {
    const keyEnd = skipString(text, HEAD);
    const letter = text.charCodeAt(keyEnd + 2);
    this.text = text;
    this.seq = seq;
    this.key = readKey(text, keyEnd);
    this.change = letter === LETTER_D ? "delete" : letter === LETTER_P ? "patch" : "set";
    this.#valueStart = skipString(text, keyEnd + 1) + 1;
    this.#valueEnd = letter === LETTER_D ? this.#valueStart + 4 : valueEndOf(text);
    const stamps = readStamps(text, this.#valueEnd);
    this.time = stamps.time;
    this.version = stamps.version;
    this.ttl = stamps.ttl;
  }

  get update(): Update {
    this.#update ??= readEncodedUpdate(this.text);
    return this.#update;
  }

  /** The text with its value cut. */
  cutBy(cut: CutValue): string {
    if (this.change === "delete") return this.text;
    const { text, valueText } = this;
    const rest = cut(valueText);
    return rest === valueText ? text : text.slice(0, this.#valueStart) + rest + text.slice(this.#valueEnd);
  }

  /** The JSON of the value of a `set` or `patch`. A part of the text. */
  get valueText(): string {
    this.#valueText ??= this.text.slice(this.#valueStart, this.#valueEnd);
    return this.#valueText;
  }
}

/** The text of an update with its value cut. */
export function cutUpdate(text: string, cut: CutValue): string {
  const keyEnd = skipString(text, HEAD);
  if (text.charCodeAt(keyEnd + 2) === LETTER_D) return text;
  const start = skipString(text, keyEnd + 1) + 1;
  const end = valueEndOf(text);
  const value = text.slice(start, end);
  const rest = cut(value);
  return rest === value ? text : text.slice(0, start) + rest + text.slice(end);
}

/** Whether an update is a patch that changes nothing of an entry. */
export function isEmptyPatch(text: string): boolean {
  return text.startsWith(',"patch":{}', skipString(text, HEAD));
}

/** Only numbers come after the object, so it ends with the last brace before the update's own. */
function valueEndOf(text: string): number {
  return text.lastIndexOf("}", text.length - 2) + 1;
}

const NO_STAMPS: Stamps = {};

function readKey(text: string, end: number): string {
  const key = text.slice(HEAD + 1, end - 1);
  return key.includes("\\") ? readOwnJson<string>(text.slice(HEAD, end)) : key;
}

/** Reads what comes after the value. */
function readStamps(text: string, valueEnd: number): Stamps {
  return valueEnd === text.length - 1 ? NO_STAMPS : readOwnJson<Record<string, number>>(`{${text.slice(valueEnd + 1)}`);
}
