import type { Access, Caller, Grants } from "./access.ts";

/** The settings that static keys are read from. All are optional: what is not set grants nothing. */
export interface KeySettings {
  /** Comma-separated, so that keys can be rotated. May publish to every feed. */
  readonly PUBLISH_KEY?: string | undefined;
  /** Comma-separated. May do everything. */
  readonly ADMIN_KEY?: string | undefined;
  /** `public`: anyone may read. `token`: reading needs a credential that allows it. Anything else is taken as `token`. */
  readonly SUBSCRIBE_ACCESS?: string | undefined;
}

/** Access by static keys. Fails closed: with no key set, nobody may publish. */
export function keyAccess(settings: KeySettings): Access {
  const publishKeys = splitKeys(settings.PUBLISH_KEY);
  const adminKeys = splitKeys(settings.ADMIN_KEY);
  const isPublic = (settings.SUBSCRIBE_ACCESS ?? "public") === "public";
  const anonymous = caller({ subscribe: isPublic, publish: false, admin: false }, true);
  const publisher = caller({ subscribe: isPublic, publish: true, admin: false });
  const admin = caller({ subscribe: true, publish: true, admin: true });
  // An admin key that is a publish key too counts as what it allows more of: the last match holds.
  const identifyHolder = keyRing([
    ...publishKeys.map((key) => ({ key, holder: publisher })),
    ...adminKeys.map((key) => ({ key, holder: admin })),
  ]);
  return {
    unconfigured:
      publishKeys.length + adminKeys.length === 0
        ? "nobody can publish: set the secret PUBLISH_KEY (or ADMIN_KEY)"
        : undefined,
    async identify(credential): Promise<Caller | "invalid"> {
      return credential === undefined ? anonymous : (identifyHolder(credential) ?? "invalid");
    },
  };
}

/** A key allows the same on every feed. */
function caller(grants: Grants, anonymous = false): Caller {
  return { anonymous, on: () => grants };
}

function splitKeys(keys: string | undefined): string[] {
  return (keys ?? "")
    .split(",")
    .map((key) => key.trim())
    .filter((key) => key !== "");
}

const encoder = new TextEncoder();

/**
 * Finds whose key a credential is. What is compared is of one length, that of the longest key, and every key is
 * compared whatever the others gave: time tells neither how much of a guess is right nor which key it is.
 */
function keyRing(keys: readonly { key: string; holder: Caller }[]): (credential: string) => Caller | undefined {
  const width = Math.max(0, ...keys.map(({ key }) => encoder.encode(key).length));
  const padded = (text: string): Uint8Array => {
    const bytes = new Uint8Array(width);
    encoder.encodeInto(text, bytes);
    return bytes;
  };
  const ring = keys.map(({ key, holder }) => ({ bytes: padded(key), length: key.length, holder }));
  return (credential) => {
    const presented = padded(credential);
    let found: Caller | undefined;
    for (const { bytes, length, holder } of ring) {
      // Longer credentials are cut off and shorter ones filled up with zeros, which a credential may hold itself.
      const isEqual = crypto.subtle.timingSafeEqual(presented, bytes);
      if (isEqual && credential.length === length) found = holder;
    }
    return found;
  };
}
