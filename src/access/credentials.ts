import type { Access, Caller, Grants, Identity } from "./access.ts";
import { fingerprint } from "./fingerprint.ts";
import { tokenChecker, type TokenClaims, type TokenSettings } from "./jwt.ts";
import { keyRing, splitKeys } from "./keys.ts";
import { readScope } from "./scopes.ts";

/** The settings that say who may do what. All are optional: what is not set grants nothing. */
export interface AccessSettings extends TokenSettings {
  /** Comma-separated, so that keys can be rotated. May publish to every feed. */
  readonly PUBLISH_KEY?: string | undefined;
  /** Comma-separated. May do everything. */
  readonly ADMIN_KEY?: string | undefined;
  /** `public`: anyone may read. `token`: reading needs a credential that allows it. Anything else is taken as `token`. */
  readonly SUBSCRIBE_ACCESS?: string | undefined;
}

/** Access by static keys and by tokens. Fails closed: with nothing set, nobody may publish. */
export function accessBy(settings: AccessSettings): Access {
  const publishKeys = splitKeys(settings.PUBLISH_KEY);
  const adminKeys = splitKeys(settings.ADMIN_KEY);
  const checkToken = tokenChecker(settings);
  const isPublic = (settings.SUBSCRIBE_ACCESS ?? "public") === "public";
  const anonymous = nobody({ subscribe: isPublic, publish: false, admin: false });
  const publisher = { subscribe: isPublic, publish: true, admin: false };
  const admin = { subscribe: true, publish: true, admin: true };
  // An admin key that is a publish key too counts as what it allows more of: the last match holds.
  const holderOf = keyRing([
    ...publishKeys.map((key) => ({ key, holder: { principal: "publish key", grants: publisher } })),
    ...adminKeys.map((key) => ({ key, holder: { principal: "admin key", grants: admin } })),
  ]);
  return {
    unconfigured:
      publishKeys.length + adminKeys.length === 0 && !checkToken
        ? "nobody can publish: set the secret PUBLISH_KEY (or ADMIN_KEY, JWT_SECRET or JWKS_URL)"
        : undefined,
    async identify(credential): Promise<Identity> {
      if (credential === undefined) return anonymous;
      const holder = holderOf(credential);
      if (holder) return keyHolder(holder, await fingerprint(credential));
      if (!checkToken) return "invalid";
      const claims = await checkToken(credential);
      return typeof claims === "string" ? claims : bearer(claims, isPublic);
    },
  };
}

function nobody(grants: Grants): Caller {
  return { anonymous: true, kind: "anonymous", id: "", principal: "", expires: undefined, on: () => grants };
}

/** A key allows the same on every feed, and does not end. */
function keyHolder({ principal, grants }: { principal: string; grants: Grants }, print: string): Caller {
  return {
    anonymous: false,
    kind: "key",
    id: `${principal} ${print}`,
    principal,
    expires: undefined,
    on: () => grants,
  };
}

function bearer({ identity, scope, expires }: TokenClaims, isPublic: boolean): Caller {
  const grants = readScope(scope);
  const id = `token ${identity}`;
  return {
    anonymous: false,
    kind: "token",
    id,
    principal: id,
    expires,
    on(feed) {
      const granted = grants(feed);
      return isPublic ? { ...granted, subscribe: true } : granted;
    },
  };
}
