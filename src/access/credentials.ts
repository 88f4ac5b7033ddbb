import { principalOf, type Access, type Caller, type DeclaredAccess, type Grants, type Identity } from "./access.ts";
import type { NameFilter } from "../protocol/name-patterns.ts";
import { tokenChecker, type TokenClaims, type TokenSettings } from "./jwt.ts";
import { fingerprint, keyRing, readStaticKeys } from "./keys.ts";
import { readScope } from "./scopes.ts";
import { SETTINGS, type Settings } from "./settings.ts";

/** The settings that say who may do what. A key that is not set grants nothing. */
export type AccessSettings = TokenSettings &
  Pick<Settings, "PUBLISH_KEY" | "ADMIN_KEY" | "METRICS_KEY" | "SUBSCRIBE_ACCESS">;

/**
 * Access by static keys and tokens. Fails closed: with no good key or secret set, no caller may publish. `declared` tells what
 * is declared of a feed; `all` is what is declared of any.
 */
export function accessBy(
  settings: AccessSettings,
  declared: (feed: string) => DeclaredAccess | undefined = () => undefined,
  all: readonly DeclaredAccess[] = [{}],
): Access {
  const metricsKeys = readStaticKeys("METRICS_KEY", settings.METRICS_KEY);
  const publishKeys = readStaticKeys("PUBLISH_KEY", settings.PUBLISH_KEY);
  const adminKeys = readStaticKeys("ADMIN_KEY", settings.ADMIN_KEY);
  const tokens = tokenChecker(settings);
  const byDefault = (settings.SUBSCRIBE_ACCESS ?? SETTINGS.SUBSCRIBE_ACCESS) === "public" ? "public" : "token";
  const isPublic = ({ subscribe = byDefault }: DeclaredAccess): boolean => subscribe === "public";
  const grantsOn = (feed: string, granted: Grants): Grants => {
    const rules = declared(feed) ?? {};
    const { admin } = granted;
    const publish = granted.publish && (rules.publish !== "code" || admin);
    return { ...granted, publish, subscribe: granted.subscribe || isPublic(rules) };
  };
  const anonymous = callerWith("anonymous", "", (feed) => grantsOn(feed, NOTHING));
  const holders = [
    { keys: metricsKeys, principal: "metrics key", grants: { ...NOTHING, metrics: true } },
    { keys: publishKeys, principal: "publish key", grants: { ...NOTHING, publish: true } },
    { keys: adminKeys, principal: "admin key", grants: EVERYTHING },
  ];
  // A key in several lists has the grants of the last one, which allows most.
  const holderOf = keyRing(
    holders.flatMap(({ keys, ...holder }) =>
      keys.accepted.map(({ key, pattern, isFor }) => {
        // Keys that are for different feeds may be of different publishers.
        const principal = pattern === undefined ? holder.principal : `${holder.principal} for ${pattern}`;
        return { key, holder: { ...holder, principal, isFor } };
      }),
    ),
  );
  /** Each is made when its key is first used. Only good keys are among them. */
  const keyCallers = new Map<string, Caller>();
  const makeKeyCaller = async (credential: string, { principal, grants, isFor }: KeyHolder): Promise<Caller> => {
    const id = `${principal} ${await fingerprint(credential)}`;
    const caller = callerWith("key", id, (feed) => grantsOn(feed, isFor(feed) ? grants : NOTHING));
    keyCallers.set(credential, caller);
    return caller;
  };
  const checkToken = async (credential: string): Promise<Identity> => {
    const claims = await tokens.check?.(credential);
    if (claims === undefined) return "invalid";
    return typeof claims === "string" ? claims : tokenCaller(claims, grantsOn);
  };
  const refused = [...metricsKeys.refused, ...publishKeys.refused, ...adminKeys.refused, ...tokens.refused];
  const isConfigured = publishKeys.accepted.length + adminKeys.accepted.length > 0 || tokens.check !== undefined;
  return {
    refused,
    grantsOn,
    isPublic,
    isSomePublic: all.some(isPublic),
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

/** What keys of one setting stand for; each may be for some feeds only. */
interface KeyHolder {
  readonly principal: string;
  readonly grants: Grants;
  readonly isFor: NameFilter;
}

const NOTHING: Grants = { subscribe: false, publish: false, admin: false, metrics: false };
const EVERYTHING: Grants = { subscribe: true, publish: true, admin: true, metrics: true };

/** A caller whose credential does not expire. */
function callerWith(kind: Caller["kind"], id: string, on: Caller["on"]): Caller {
  return { kind, id, principal: principalOf(kind, id), expires: undefined, on };
}

function tokenCaller(
  { identity, subject, scope, isForHere, expires }: TokenClaims,
  grantsOn: (feed: string, granted: Grants) => Grants,
): Caller {
  const grants = readScope(scope, isForHere);
  const id = `token ${identity}`;
  return {
    kind: "token",
    id,
    principal: principalOf("token", id),
    subject,
    expires,
    on: (feed) => grantsOn(feed, grants(feed)),
  };
}
