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
  return {
    unconfigured:
      publishKeys.length + adminKeys.length === 0
        ? "nobody can publish: set the secret PUBLISH_KEY (or ADMIN_KEY)"
        : undefined,
    async identify(credential): Promise<Caller | "invalid"> {
      if (credential === undefined) return keyHolder({ subscribe: isPublic, publish: false, admin: false }, true);
      // Both lists are always gone through, so that time does not tell which list a key is in.
      const [mayPublish, isAdmin] = await Promise.all([
        isOneOf(credential, publishKeys),
        isOneOf(credential, adminKeys),
      ]);
      if (isAdmin) return keyHolder({ subscribe: true, publish: true, admin: true });
      return mayPublish ? keyHolder({ subscribe: isPublic, publish: true, admin: false }) : "invalid";
    },
  };
}

/** A key allows the same on every feed. */
function keyHolder(grants: Grants, anonymous = false): Caller {
  return { anonymous, on: () => grants };
}

function splitKeys(keys: string | undefined): string[] {
  return (keys ?? "")
    .split(",")
    .map((key) => key.trim())
    .filter((key) => key !== "");
}

/** Compares digests, not keys: they are of equal length, and every key is compared whatever the others gave. */
async function isOneOf(credential: string, keys: readonly string[]): Promise<boolean> {
  const presented = await digest(credential);
  let found = false;
  for (const key of keys) {
    const expected = await digest(key);
    found = crypto.subtle.timingSafeEqual(presented, expected) || found;
  }
  return found;
}

function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}
