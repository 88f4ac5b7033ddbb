import { principalOf, type Access, type Caller, type Grants, type Identity } from "./access.ts";
import { tokenChecker, type TokenClaims, type TokenSettings } from "./jwt.ts";
import { fingerprint, keyRing, readStaticKeys } from "./keys.ts";
import { readScope } from "./scopes.ts";
import { SETTINGS, type Settings } from "./settings.ts";

/** The settings that say who may do what. A key that is not set grants nothing. */
export type AccessSettings = TokenSettings &
  Pick<Settings, "PUBLISH_KEY" | "ADMIN_KEY" | "METRICS_KEY" | "SUBSCRIBE_ACCESS">;

/** Access by static keys and tokens. Fails closed: with no good key or secret set, no caller may publish. */
export function accessBy(settings: AccessSettings): Access {
  const metricsKeys = readStaticKeys("METRICS_KEY", settings.METRICS_KEY);
  const publishKeys = readStaticKeys("PUBLISH_KEY", settings.PUBLISH_KEY);
  const adminKeys = readStaticKeys("ADMIN_KEY", settings.ADMIN_KEY);
  const tokens = tokenChecker(settings);
  const isPublic = (settings.SUBSCRIBE_ACCESS ?? SETTINGS.SUBSCRIBE_ACCESS) === "public";
  const anyone: Grants = { subscribe: isPublic, publish: false, admin: false, metrics: false };
  const anonymous = lastingCaller("anonymous", "", anyone);
  const everything: Grants = { subscribe: true, publish: true, admin: true, metrics: true };
  const holders = [
    { keys: metricsKeys, principal: "metrics key", grants: { ...anyone, metrics: true } },
    { keys: publishKeys, principal: "publish key", grants: { ...anyone, publish: true } },
    { keys: adminKeys, principal: "admin key", grants: everything },
  ];
  // A key in several lists has the grants of the last one, which allows most.
  const holderOf = keyRing(holders.flatMap((holder) => holder.keys.accepted.map((key) => ({ key, holder }))));
  /** Each is made when its key is first used. Only good keys are among them. */
  const keyCallers = new Map<string, Caller>();
  const makeKeyCaller = async (
    credential: string,
    { principal, grants }: (typeof holders)[number],
  ): Promise<Caller> => {
    const caller = lastingCaller("key", `${principal} ${await fingerprint(credential)}`, grants);
    keyCallers.set(credential, caller);
    return caller;
  };
  const checkToken = async (credential: string): Promise<Identity> => {
    const claims = await tokens.check?.(credential);
    if (claims === undefined) return "invalid";
    return typeof claims === "string" ? claims : tokenCaller(claims, isPublic);
  };
  const refused = [...metricsKeys.refused, ...publishKeys.refused, ...adminKeys.refused, ...tokens.refused];
  const isConfigured = publishKeys.accepted.length + adminKeys.accepted.length > 0 || tokens.check !== undefined;
  return {
    refused,
    unconfigured: isConfigured ? undefined : lacking(refused),
    identify(credential) {
      if (credential === undefined) return anonymous;
      const holder = holderOf(credential);
      return holder ? (keyCallers.get(credential) ?? makeKeyCaller(credential, holder)) : checkToken(credential);
    },
  };
}

function lacking(refused: readonly string[]): string {
  if (refused.length > 0) return `no publish can be accepted: ${refused.join(". ")}`;
  return "no publish can be accepted: set the secret PUBLISH_KEY (or ADMIN_KEY, JWT_SECRET or JWKS_URL)";
}

/** A caller that may do the same on every feed, for good. */
function lastingCaller(kind: Caller["kind"], id: string, grants: Grants): Caller {
  return { kind, id, principal: principalOf(kind, id), expires: undefined, on: () => grants };
}

function tokenCaller({ identity, scope, isForHere, expires }: TokenClaims, isPublic: boolean): Caller {
  const grants = readScope(scope, isForHere);
  const id = `token ${identity}`;
  return {
    kind: "token",
    id,
    principal: principalOf("token", id),
    expires,
    on(feed) {
      const granted = grants(feed);
      return isPublic ? { ...granted, subscribe: true } : granted;
    },
  };
}
