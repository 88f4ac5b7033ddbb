const encoder = new TextEncoder();

/** The keys of a setting. */
export interface Keys {
  readonly accepted: readonly string[];
  /** What the operator has to know about keys that are not accepted: one sentence for a setting, with no part of a key. */
  readonly refused: readonly string[];
}

/** Shorter keys can be guessed, and clients cannot put anything but visible ASCII into a header. */
const KEY = /^[!-~]{8,}$/;
/** What HS256 asks for. With one token, an attacker can try shorter secrets at any rate, without asking the server. */
const SECRET_BYTES = 32;
const MAKE_ONE = "make one with: openssl rand -base64 32";

/** Reads a setting with static keys. A key that can be guessed is not accepted. */
export function readStaticKeys(name: string, setting: string | undefined): Keys {
  return sort(name, setting, "8 characters or more, all of them visible ASCII", (key) => KEY.test(key));
}

/** Reads a setting with the secrets of tokens. */
export function readSecrets(name: string, setting: string | undefined): Keys {
  return sort(name, setting, `${SECRET_BYTES} bytes or more`, (key) => encoder.encode(key).length >= SECRET_BYTES);
}

/** Settings hold several, comma-separated, for rotation. One that is wrong does not affect the others. */
function sort(name: string, setting = "", wanted: string, isGood: (key: string) => boolean): Keys {
  const keys = setting
    .split(",")
    .map((key) => key.trim())
    .filter((key) => key !== "");
  const accepted = keys.filter(isGood);
  if (accepted.length === keys.length) return { accepted, refused: [] };
  const which = keys.length === 1 ? name : `${keys.length - accepted.length} of ${keys.length} in ${name}`;
  return { accepted, refused: [`${which} not accepted, which has to have ${wanted}; ${MAKE_ONE}`] };
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
