const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** A new epoch: 50 random bits in ten characters, short to write and not to be met twice. */
export function newEpoch(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => ALPHABET[byte & 31]).join("");
}
