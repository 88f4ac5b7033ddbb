import type { NoRoom } from "../../protocol/codes.ts";
import type { Selection, Subscription } from "../../protocol/selection.ts";
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

/** Bytes up to which a pattern counts as one: it takes some 250 bytes of memory, and four times its own length besides. */
const SHORT = 24;

/** How many patterns a selection counts as: its keys, prefixes and fields, and more if they are long. */
export function patternsIn({ id, keys, prefixes, fields }: Selection): number {
  return Math.max(keys.size + prefixes.length + (fields?.size ?? 0), Math.ceil(bytesOf(id) / SHORT));
}

/**
 * All subscriptions of a feed's subscribers, live or not, and those that wait for an answer. Equal selections are kept in
 * memory once. Their keys and prefixes are counted, so that no account can take all: once for each group, on the account
 * that came first. Another mode or rate is another group, which has its own place in the subscriber index.
 */
export class Selections {
  readonly #limits: FanoutLimits;
  readonly #groups = new Map<string, { readonly by: PatternAccount; readonly patterns: number; holders: number }>();
  readonly #byId = new Map<string, { readonly selection: Selection; groups: number }>();
  readonly #byAccount = new Map<string, number>();
  #all = 0;
  #anonymous = 0;
  #keys = 0;

  constructor(limits: FanoutLimits) {
    this.#limits = limits;
  }

  /** Why there is no room for one more subscription; undefined if there is. One of a group that is held costs nothing. */
  refusal(subscription: Subscription, { account, kind = "anonymous" }: PatternAccount): NoRoom | undefined {
    if (this.#groups.has(groupId(subscription))) return undefined;
    const { patterns: most, patternsPerAccount } = this.#limits;
    const more = patternsIn(subscription.selection);
    const own = (this.#byAccount.get(account) ?? 0) + more;
    if (own > patternsPerAccount || (kind === "token" && own > most * ONE_TOKEN)) return "rate_limited";
    if (this.#all + more > most) return "overloaded";
    if (kind !== "key" && this.#all - this.#keys + more > most * WITHOUT_KEY) return "overloaded";
    if (kind === "anonymous" && this.#anonymous + more > most * ANONYMOUS) return "overloaded";
    return undefined;
  }

  /** The same subscription with the selection object that others hold already, if any do. */
  shared(subscription: Subscription): Subscription {
    const selection = this.#byId.get(subscription.selection.id)?.selection;
    return selection ? { ...subscription, selection } : subscription;
  }

  hold(subscription: Subscription, { account, kind }: PatternAccount): void {
    const id = groupId(subscription);
    const held = this.#groups.get(id);
    if (held) {
      held.holders++;
      return;
    }
    const { selection } = subscription;
    const by = { account, kind };
    const patterns = patternsIn(selection);
    this.#groups.set(id, { by, patterns, holders: 1 });
    this.#count(by, patterns);
    const shared = this.#byId.get(selection.id);
    if (shared) shared.groups++;
    else this.#byId.set(selection.id, { selection, groups: 1 });
  }

  release(subscription: Subscription): void {
    const id = groupId(subscription);
    const held = this.#groups.get(id);
    if (!held || --held.holders > 0) return;
    this.#groups.delete(id);
    this.#count(held.by, -held.patterns);
    const { selection } = subscription;
    const shared = this.#byId.get(selection.id);
    if (shared && --shared.groups === 0) this.#byId.delete(selection.id);
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

/** Subscribers with the same group id get the same messages. */
export function groupId(subscription: Subscription): string {
  const { selection, mode, hz } = roundRate(subscription);
  return `${mode}|${hz ?? ""}|${selection.id}`;
}

/** Rounds `hz` down to two digits, so that rates which are nearly equal are one group. */
export function roundRate(subscription: Subscription): Subscription {
  const { hz } = subscription;
  if (hz === undefined) return subscription;
  const scale = 10 ** (1 - Math.floor(Math.log10(hz)));
  // The small addition is for decimals that a double cannot hold exactly.
  return { ...subscription, hz: Math.floor(hz * scale + 1e-9) / scale };
}
