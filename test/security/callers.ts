import { ADMIN_KEY, PUBLISH_KEY } from "../support/api.ts";
import { token } from "../support/tokens.ts";

/** The feed that the callers' tokens speak of. */
export const FEED = `t-${crypto.randomUUID()}`;
const OTHER = `t-${crypto.randomUUID()}`;

export type Need = "subscribe" | "publish" | "admin" | "nothing";
export type Reading = "public" | "token";
export type Verdict = "allowed" | "unauthorized" | "forbidden";

/** Who asks. What a key allows is said as a scope too: a publish key is one for every feed. */
export interface Caller {
  readonly who: string;
  readonly credential: string | undefined;
  /** What it was given; nothing where it is nobody's credential. */
  readonly scope: readonly string[] | undefined;
}

export const NOBODY: Caller = { who: "nobody", credential: undefined, scope: undefined };

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

/** Everybody who may come by. */
export const CALLERS: readonly Caller[] = [
  NOBODY,
  { who: "a wrong key", credential: "wrong-key-of-nobody", scope: undefined },
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
    who: "a token that somebody else signed",
    credential: await token("admin", { secret: "a shared secret of somebody else." }),
    scope: undefined,
  },
];

/** The contract's rules of who may do what, said anew: nothing here is the server's. */
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

/** Whether an answer gives a credential away, whole or a part of a token. */
export function echoes({ credential }: Caller, answer: string): boolean {
  return (credential ?? "").split(".").some((part) => part.length > 8 && answer.includes(part));
}
