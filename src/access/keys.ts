import { readNamePattern, type NameFilter } from "../protocol/name-patterns.ts";

const encoder = new TextEncoder();

interface Refusals {
  /** What the operator has to know about keys that are not accepted: one sentence for a setting, with no part of a key. */
  readonly refused: readonly string[];
}

/** The keys of a setting. */
export interface Keys extends Refusals {
  readonly accepted: readonly StaticKey[];
}

/** A key, and the feeds that it is for. */
interface StaticKey {
  readonly key: string;
  /** The name pattern of those feeds; undefined for all. */
  readonly pattern: string | undefined;
  readonly isFor: NameFilter;
}

/** Shorter keys can be guessed, and clients cannot put anything but visible ASCII into a header. */
const KEY = /^[!-~]{8,}$/;
/** What HS256 asks for. With one token, an attacker can try shorter secrets at any rate, without asking the server. */
const SECRET_BYTES = 32;
const MAKE_ONE = "make one with: openssl rand -base64 32";

/**
 * Reads a setting with static keys. A key that can be guessed is not accepted. A name pattern and a colon before a key limit it
 * to feeds: `stocks:KEY`, `team-*:KEY`. What is before a colon and no such pattern is a part of the key.
 */
export function readStaticKeys(name: string, setting: string | undefined): Keys {
  const keys = listOf(setting).map((text): StaticKey => {
    const colon = text.indexOf(":");
    const pattern = text.slice(0, Math.max(0, colon));
    const isFor = readNamePattern(pattern);
    return isFor
      ? { key: text.slice(colon + 1), pattern, isFor }
      : { key: text, pattern: undefined, isFor: () => true };
  });
  const accepted = keys.filter(({ key }) => KEY.test(key));
  return { accepted, refused: complain(name, accepted, keys, "8 characters or more, all of them visible ASCII") };
}

/** Reads a setting with the secrets of tokens. */
export function readSecrets(name: string, setting: string | undefined): { accepted: readonly string[] } & Refusals {
  const secrets = listOf(setting);
  const accepted = secrets.filter((secret) => encoder.encode(secret).length >= SECRET_BYTES);
  return { accepted, refused: complain(name, accepted, secrets, `${SECRET_BYTES} bytes or more`) };
}

/** Settings hold several, comma-separated, for rotation. One that is wrong does not affect the others. */
function listOf(setting = ""): string[] {
  return setting
    .split(",")
    .map((key) => key.trim())
    .filter((key) => key !== "");
}

function complain(name: string, accepted: readonly unknown[], all: readonly unknown[], wanted: string): string[] {
  if (accepted.length === all.length) return [];
  const which = all.length === 1 ? name : `${all.length - accepted.length} of ${all.length} in ${name}`;
  return [`${which} not accepted, which has to have ${wanted}; ${MAKE_ONE}`];
}

/**
 * Finds the holder of a key. A credential is compared with every key, in the length of the longest one: the time that it
 * takes reveals neither how much of a guess is right nor which key it matches. If a key has several holders, the last one
 * counts.
 */
export function keyRing<T>(keys: readonly { key: string; holder: T }[]): (credential: string) => T | undefined {
  const width = Math.max(0, ...keys.map(({ key }) => key.length));
  // Character codes: to have the platform encode them costs ten times as much.
  const write = (text: string, codes: Uint16Array): void => {
    for (let i = 0; i < width; i++) codes[i] = i < text.length ? text.charCodeAt(i) : 0;
  };
  const ring = keys.map(({ key, holder }) => {
    const codes = new Uint16Array(width);
    write(key, codes);
    return { codes, length: key.length, holder };
  });
  // Written over each time: to make one takes longer than to compare it.
  const presented = new Uint16Array(width);
  return (credential) => {
    write(credential, presented);
    let found: T | undefined;
    for (const { codes, length, holder } of ring) {
      // Longer credentials were cut off, and shorter ones filled up with zeros, which a credential may contain.
      const isEqual = crypto.subtle.timingSafeEqual(presented, codes);
      if (isEqual && credential.length === length) found = holder;
    }
    return found;
  };
}

/** 128 bits of SHA-256 in 22 characters: tells secrets apart without revealing them, and is short to store. */
export async function fingerprint(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", encoder.encode(text));
  const short = btoa(String.fromCharCode(...new Uint8Array(hash, 0, 16)));
  return short.slice(0, 22).replaceAll("+", "-").replaceAll("/", "_");
}
