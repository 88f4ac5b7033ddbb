import type { Subscription } from "../../protocol/subscription.ts";
import type { Selection } from "../../protocol/selection.ts";
import { groupId } from "./live/subscriber-index.ts";
import type { PatternAccount, Patterns } from "./patterns.ts";

/** The selections of those who are in no group yet, and those that were asked for: each is kept and counted once. */
export class Selections {
  readonly #patterns: Patterns;
  readonly #known = new Map<string, { readonly selection: Selection; holders: number }>();

  constructor(patterns: Patterns) {
    this.#patterns = patterns;
  }

  /** The same, with the selection that others have too where there are any. */
  shared(subscription: Subscription): Subscription {
    const selection = this.#known.get(subscription.selection.id)?.selection;
    return selection ? { ...subscription, selection } : subscription;
  }

  hold(subscription: Subscription, account: PatternAccount): void {
    const { selection } = subscription;
    // As the group that it is to have: another rate is another group, with an index of its own.
    this.#patterns.use(groupId(subscription), selection, account);
    const known = this.#known.get(selection.id);
    if (known) known.holders++;
    else this.#known.set(selection.id, { selection, holders: 1 });
  }

  release(subscription: Subscription): void {
    this.#patterns.leave(groupId(subscription));
    const { id } = subscription.selection;
    const known = this.#known.get(id);
    if (known && --known.holders === 0) this.#known.delete(id);
  }
}
