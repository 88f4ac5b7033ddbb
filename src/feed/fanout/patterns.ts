import type { Selection } from "../../protocol/selection.ts";
import type { FanoutLimits } from "./fanout-limits.ts";
import { bytesOf } from "../state/entry.ts";

/** On whose account something is counted, and by what it is known. */
export interface PatternAccount {
  readonly account: string;
  /** That of one without a credential where none is given. */
  readonly kind?: "anonymous" | "key" | "token" | undefined;
}

/** Why there is no room for more: it is one's own share that is full, or all is. */
export type PatternRefusal = "rate_limited" | "overloaded";

/** Shares of all: whoever has a credential finds room, whatever those without one do; keys, whatever tokens do. */
const ANONYMOUS = 1 / 2;
const ONE_TOKEN = 1 / 4;
const WITHOUT_KEY = 3 / 4;

/** Bytes of a pattern that are not counted: it takes some 250 of memory however short it is, and four times its own. */
const SHORT = 24;

/** What a selection counts for: its keys and prefixes, and more where they are long. */
export function weightOf({ id, keys, prefixes }: Selection): number {
  return Math.max(keys.size + prefixes.length, Math.ceil(bytesOf(id) / SHORT));
}

/**
 * Counts the keys and prefixes that the subscribers of a feed select, of which nobody may take all. What several select in
 * the same way is counted once, on the account of who came first.
 */
export class Patterns {
  readonly #uses = new Map<string, { readonly account: PatternAccount; readonly weight: number; uses: number }>();
  readonly #byAccount = new Map<string, number>();
  #all = 0;
  #anonymous = 0;
  #keys = 0;

  /** Why there is no room for so many more; nothing where there is. */
  refusal(
    { account, kind = "anonymous" }: PatternAccount,
    more: number,
    bounds: FanoutLimits,
  ): PatternRefusal | undefined {
    const { patterns: most, accountPatterns } = bounds;
    const own = (this.#byAccount.get(account) ?? 0) + more;
    if (own > accountPatterns || (kind === "token" && own > most * ONE_TOKEN)) return "rate_limited";
    if (this.#all + more > most) return "overloaded";
    if (kind !== "key" && this.#all - this.#keys + more > most * WITHOUT_KEY) return "overloaded";
    if (kind === "anonymous" && this.#anonymous + more > most * ANONYMOUS) return "overloaded";
    return undefined;
  }

  /** Whether it is counted already, so that one more costs nothing. */
  has(id: string): boolean {
    return this.#uses.has(id);
  }

  use(id: string, selection: Selection, { account, kind }: PatternAccount): void {
    const known = this.#uses.get(id);
    if (known) {
      known.uses++;
      return;
    }
    const use = { account: { account, kind }, weight: weightOf(selection), uses: 1 };
    this.#uses.set(id, use);
    this.#count(use.account, use.weight);
  }

  leave(id: string): void {
    const use = this.#uses.get(id);
    if (!use || --use.uses > 0) return;
    this.#uses.delete(id);
    this.#count(use.account, -use.weight);
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
