import { ADMIN_KEY, PUBLISH_KEY } from "../support/api.ts";
import { token } from "../support/tokens.ts";

/** The feed that the callers' tokens are for. */
export const FEED = `t-${crypto.randomUUID()}`;
const OTHER = `t-${crypto.randomUUID()}`;

export type Need = "subscribe" | "publish" | "admin" | "nothing";
export type Reading = "public" | "token";
export type Verdict = "allowed" | "unauthorized" | "forbidden";

/** A caller. What a key allows is written as a scope too: a publish key has the scope for every feed. */
export interface Caller {
  readonly who: string;
  readonly credential: string | undefined;
  /** What its credential grants; undefined if the credential is not valid. */
  readonly scope: readonly string[] | undefined;
}

export const ANONYMOUS: Caller = { who: "an anonymous caller", credential: undefined, scope: undefined };

const GENUINE: [who: string, scope: string[]][] = [
  ["a token of another feed", [`subscribe:${OTHER}`, `publish:${OTHER}`]],
  ["a token of a feed whose name begins like this one's", [`subscribe:${FEED}x`, `publish:${FEED.slice(0, -1)}`]],
  ["a token to subscribe", [`subscribe:${FEED}`]],
  ["a token to publish", [`publish:${FEED}`]],
  ["a token to do both", ["subscribe:t-*", "publish:*"]],
  ["a token of an administrator", ["admin"]],
  ["a token that only looks like an administrator's", ["ADMIN", "admin:*", "subscribe", "publish:**"]],
  ["a token without a scope", []],
];

/** All callers that are tried. */
export const CALLERS: readonly Caller[] = [
  ANONYMOUS,
  { who: "a wrong key", credential: "wrong-key-of-no-one", scope: undefined },
  { who: "a publish key", credential: PUBLISH_KEY, scope: ["publish:*"] },
  { who: "an admin key", credential: ADMIN_KEY, scope: ["admin"] },
  ...(await Promise.all(
    GENUINE.map(async ([who, scope]) => ({
      who,
      credential: await token(scope.length > 0 ? scope.join(" ") : undefined),
      scope,
    })),
  )),
  { who: "an expired token", credential: await token("admin", { expires: Date.now() - 1_000 }), scope: undefined },
  {
    who: "a token with another secret",
    credential: await token("admin", { secret: "a shared secret of another server" }),
    scope: undefined,
  },
];

/** The rules of who may do what, written independently of the server. */
export function verdict({ credential, scope }: Caller, need: Need, reading: Reading): Verdict {
  if (need === "nothing") return "allowed";
  if (credential !== undefined && scope === undefined) return "unauthorized";
  if (need === "subscribe" && reading === "public") return "allowed";
  if (credential === undefined || scope === undefined) return "unauthorized";
  return scope.some((word) => word === "admin" || covers(word, need)) ? "allowed" : "forbidden";
}

function covers(word: string, need: Need): boolean {
  if (need === "admin" || !word.startsWith(`${need}:`)) return false;
  const pattern = word.slice(need.length + 1);
  return pattern === FEED || (/^[^*]*\*$/.test(pattern) && FEED.startsWith(pattern.slice(0, -1)));
}

/** Whether a response reveals a credential, or a part of a token. */
export function echoes({ credential }: Caller, answer: string): boolean {
  return (credential ?? "").split(".").some((part) => part.length > 8 && answer.includes(part));
}
