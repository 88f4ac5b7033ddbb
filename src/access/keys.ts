const encoder = new TextEncoder();

/** Keys as a setting has them: comma-separated, so that they can be rotated. */
export function splitKeys(keys: string | undefined): string[] {
  return (keys ?? "")
    .split(",")
    .map((key) => key.trim())
    .filter((key) => key !== "");
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
