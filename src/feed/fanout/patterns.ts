import type { NoRoom } from "../../protocol/codes.ts";
import type { Selection } from "../../protocol/selection.ts";
import { bytesOf } from "../state/entry.ts";
import type { FanoutLimits } from "./fanout-limits.ts";

/** The account that patterns are counted on, and what kind of credential it has. */
export interface PatternAccount {
  readonly account: string;
  /** Undefined means `anonymous`. */
  readonly kind?: "anonymous" | "key" | "token" | undefined;
}

/** Parts of all room: callers with a credential find room whatever anonymous ones do, and keys whatever tokens do. */
const ANONYMOUS = 1 / 2;
const ONE_TOKEN = 1 / 4;
const WITHOUT_KEY = 3 / 4;

/** Bytes of a pattern that cost nothing extra: even a short one takes some 250 bytes of memory, and four times its own. */
const SHORT = 24;

/** How many patterns a selection counts as: its keys and prefixes, and more if they are long. */
export function patternsIn({ id, keys, prefixes }: Selection): number {
  return Math.max(keys.size + prefixes.length, Math.ceil(bytesOf(id) / SHORT));
}

/**
 * Counts the keys and prefixes that the subscribers of a feed select, so that no account can take all. Equal
 * subscriptions are counted once, on the account that came first.
 */
export class Patterns {
  readonly #limits: FanoutLimits;
  readonly #counted = new Map<string, { readonly by: PatternAccount; readonly patterns: number; uses: number }>();
  readonly #byAccount = new Map<string, number>();
  #all = 0;
  #anonymous = 0;
  #keys = 0;

  constructor(limits: FanoutLimits) {
    this.#limits = limits;
  }

  /** Why there is no room for so many more; undefined if there is. Costs nothing for an id that is counted already. */
  refusal(id: string, selection: Selection, { account, kind = "anonymous" }: PatternAccount): NoRoom | undefined {
    if (this.#counted.has(id)) return undefined;
    const { patterns: most, patternsPerAccount } = this.#limits;
    const more = patternsIn(selection);
    const own = (this.#byAccount.get(account) ?? 0) + more;
    if (own > patternsPerAccount || (kind === "token" && own > most * ONE_TOKEN)) return "rate_limited";
    if (this.#all + more > most) return "overloaded";
    if (kind !== "key" && this.#all - this.#keys + more > most * WITHOUT_KEY) return "overloaded";
    if (kind === "anonymous" && this.#anonymous + more > most * ANONYMOUS) return "overloaded";
    return undefined;
  }

  take(id: string, selection: Selection, { account, kind }: PatternAccount): void {
    const counted = this.#counted.get(id);
    if (counted) {
      counted.uses++;
      return;
    }
    const by = { account, kind };
    const patterns = patternsIn(selection);
    this.#counted.set(id, { by, patterns, uses: 1 });
    this.#count(by, patterns);
  }

  release(id: string): void {
    const counted = this.#counted.get(id);
    if (!counted || --counted.uses > 0) return;
    this.#counted.delete(id);
    this.#count(counted.by, -counted.patterns);
  }

  #count({ account, kind = "anonymous" }: PatternAccount, more: number): void {
    this.#all += more;
    if (kind === "anonymous") this.#anonymous += more;
    if (kind === "key") this.#keys += more;
    const own = (this.#byAccount.get(account) ?? 0) + more;
    if (own > 0) this.#byAccount.set(account, own);
    else this.#byAccount.delete(account);
  }
}
