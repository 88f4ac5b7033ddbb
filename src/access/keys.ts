const encoder = new TextEncoder();

/** What was read of a setting that holds keys. */
export interface Keys {
  readonly accepted: readonly string[];
  /** What an operator has to know of those that are not accepted: one sentence each setting, with no part of a key. */
  readonly refused: readonly string[];
}

/** Shorter ones are soon guessed, and what is not visible ASCII no client can put into a header. */
const KEY = /^[!-~]{8,}$/;
/** What HS256 asks for: whoever has one token can try shorter secrets on it, as many a second as they like. */
const SECRET_BYTES = 32;
const MAKE_ONE = "make one with: openssl rand -base64 32";

/** Static keys as a setting has them. One that anybody could guess is no key. */
export function readKeys(name: string, setting: string | undefined): Keys {
  return sort(name, setting, "8 characters or more, all of them visible ASCII", (key) => KEY.test(key));
}

/** The secrets of tokens as a setting has them. */
export function readSecrets(name: string, setting: string | undefined): Keys {
  return sort(name, setting, `${SECRET_BYTES} bytes or more`, (key) => encoder.encode(key).length >= SECRET_BYTES);
}

/** Comma-separated, so that they can be rotated: what is wrong with one does not touch the others. */
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
 * Finds whose key a credential is. What is compared is of one length, that of the longest key, and every key is
 * compared whatever the others gave: time tells neither how much of a guess is right nor which key it is. A key that
 * is several holders' is the last one's.
 */
export function keyRing<T>(keys: readonly { key: string; holder: T }[]): (credential: string) => T | undefined {
  const width = Math.max(0, ...keys.map(({ key }) => encoder.encode(key).length));
  const padded = (text: string): Uint8Array => {
    const bytes = new Uint8Array(width);
    encoder.encodeInto(text, bytes);
    return bytes;
  };
  const ring = keys.map(({ key, holder }) => ({ bytes: padded(key), length: key.length, holder }));
  return (credential) => {
    const presented = padded(credential);
    let found: T | undefined;
    for (const { bytes, length, holder } of ring) {
      // Longer credentials are cut off and shorter ones filled up with zeros, which a credential may hold itself.
      const isEqual = crypto.subtle.timingSafeEqual(presented, bytes);
      if (isEqual && credential.length === length) found = holder;
    }
    return found;
  };
}
