import type { NoRoom } from "../../protocol/codes.ts";
import type { Subscription } from "../../protocol/subscription.ts";
import type { Selection } from "../../protocol/selection.ts";
import type { FanoutLimits } from "./fanout-limits.ts";
import { Patterns, type PatternAccount } from "./patterns.ts";

/**
 * All subscriptions of a feed's subscribers, live or not, and those that wait for an answer. Equal selections are kept in
 * memory once and counted once.
 */
export class Selections {
  readonly #patterns: Patterns;
  readonly #byId = new Map<string, { readonly selection: Selection; holders: number }>();

  constructor(limits: FanoutLimits) {
    this.#patterns = new Patterns(limits);
  }

  /** Why there is no room for one more subscription; undefined if there is. */
  refusal(subscription: Subscription, account: PatternAccount): NoRoom | undefined {
    return this.#patterns.refusal(groupId(subscription), subscription.selection, account);
  }

  /** The same subscription with the selection object that others hold already, if any do. */
  shared(subscription: Subscription): Subscription {
    const selection = this.#byId.get(subscription.selection.id)?.selection;
    return selection ? { ...subscription, selection } : subscription;
  }

  hold(subscription: Subscription, account: PatternAccount): void {
    const { selection } = subscription;
    // Counted by group: another mode or rate is another group, which has its own place in the subscriber index.
    this.#patterns.take(groupId(subscription), selection, account);
    const held = this.#byId.get(selection.id);
    if (held) held.holders++;
    else this.#byId.set(selection.id, { selection, holders: 1 });
  }

  release(subscription: Subscription): void {
    this.#patterns.release(groupId(subscription));
    const { id } = subscription.selection;
    const held = this.#byId.get(id);
    if (held && --held.holders === 0) this.#byId.delete(id);
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
