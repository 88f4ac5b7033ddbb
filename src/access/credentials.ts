import type { Access, Caller, Grants, Identity } from "./access.ts";
import type { TokenClaims } from "./claims.ts";
import { fingerprint } from "./fingerprint.ts";
import { tokenChecker, type TokenSettings } from "./jwt.ts";
import { keyRing, readKeys } from "./keys.ts";
import { readScope } from "./scopes.ts";

/** The settings that say who may do what. All are optional: what is not set grants nothing. */
export interface AccessSettings extends TokenSettings {
  /** Comma-separated, so that keys can be rotated. May publish to every feed. */
  readonly PUBLISH_KEY?: string | undefined;
  /** Comma-separated. May do everything. */
  readonly ADMIN_KEY?: string | undefined;
  /** Comma-separated. May read `/metrics`, and besides what anyone may. */
  readonly METRICS_KEY?: string | undefined;
  /** `public`: anyone may read. `token`: reading needs a credential that allows it. Anything else is taken as `token`. */
  readonly SUBSCRIBE_ACCESS?: string | undefined;
}

/** Access by static keys and by tokens. Fails closed: with nothing set, or nothing good, nobody may publish. */
export function accessBy(settings: AccessSettings): Access {
  const metricsKeys = readKeys("METRICS_KEY", settings.METRICS_KEY);
  const publishKeys = readKeys("PUBLISH_KEY", settings.PUBLISH_KEY);
  const adminKeys = readKeys("ADMIN_KEY", settings.ADMIN_KEY);
  const tokens = tokenChecker(settings);
  const isPublic = (settings.SUBSCRIBE_ACCESS ?? "public") === "public";
  const anyone: Grants = { subscribe: isPublic, publish: false, admin: false, metrics: false };
  const anonymous = nobody(anyone);
  const holders: [keys: readonly string[], holder: Holder][] = [
    [metricsKeys.accepted, { principal: "metrics key", grants: { ...anyone, metrics: true } }],
    [publishKeys.accepted, { principal: "publish key", grants: { ...anyone, publish: true } }],
    [
      adminKeys.accepted,
      { principal: "admin key", grants: { subscribe: true, publish: true, admin: true, metrics: true } },
    ],
  ];
  // A key of several lists counts as what it allows most of: the last match holds.
  const holderOf = keyRing(holders.flatMap(([keys, holder]) => keys.map((key) => ({ key, holder }))));
  /** Made when a key first comes. Only keys that are good are among them. */
  const keyCallers = new Map<string, Caller>();
  const refused = [...metricsKeys.refused, ...publishKeys.refused, ...adminKeys.refused, ...tokens.refused];
  const isConfigured = publishKeys.accepted.length + adminKeys.accepted.length > 0 || tokens.check !== undefined;
  return {
    refused,
    unconfigured: isConfigured ? undefined : lacking(refused),
    async identify(credential): Promise<Identity> {
      if (credential === undefined) return anonymous;
      const holder = holderOf(credential);
      if (holder) {
        const caller = keyCallers.get(credential) ?? keyHolder(holder, await fingerprint(credential));
        keyCallers.set(credential, caller);
        return caller;
      }
      if (!tokens.check) return "invalid";
      const claims = await tokens.check(credential);
      return typeof claims === "string" ? claims : bearer(claims, isPublic);
    },
  };
}

function lacking(refused: readonly string[]): string {
  if (refused.length > 0) return `nobody can publish: ${refused.join(". ")}`;
  return "nobody can publish: set the secret PUBLISH_KEY (or ADMIN_KEY, JWT_SECRET or JWKS_URL)";
}

/** A key allows the same on every feed, and does not end. */
interface Holder {
  readonly principal: string;
  readonly grants: Grants;
}

function nobody(grants: Grants): Caller {
  return { kind: "anonymous", id: "", principal: "", expires: undefined, on: () => grants };
}

function keyHolder({ principal, grants }: Holder, print: string): Caller {
  const id = `${principal} ${print}`;
  return { kind: "key", id, principal, expires: undefined, on: () => grants };
}

function bearer({ identity, scope, isForHere, expires }: TokenClaims, isPublic: boolean): Caller {
  const grants = readScope(scope, isForHere);
  const id = `token ${identity}`;
  return {
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
