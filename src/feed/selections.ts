import type { Subscription } from "../protocol/messages.ts";
import type { Selection } from "../protocol/selection.ts";
import { weightOf, type Account, type Patterns } from "./patterns.ts";

interface Known {
  readonly selection: Selection;
  /** Who came with it first. */
  readonly account: Account;
  holders: number;
}

/** The selections of those who are in no group yet, and those that were asked for: each is kept and counted once. */
export class Selections {
  readonly #patterns: Patterns;
  readonly #known = new Map<string, Known>();

  constructor(patterns: Patterns) {
    this.#patterns = patterns;
  }

  has({ id }: Selection): boolean {
    return this.#known.has(id);
  }

  /** The same, with the selection that others have too where there are any. */
  shared(subscription: Subscription): Subscription {
    const selection = this.#known.get(subscription.selection.id)?.selection;
    return selection ? { ...subscription, selection } : subscription;
  }

  hold(selection: Selection, { owner, kind }: Account): void {
    const known = this.#known.get(selection.id) ?? { selection, account: { owner, kind }, holders: 0 };
    if (known.holders++ > 0) return;
    this.#known.set(selection.id, known);
    this.#patterns.count(known.account, weightOf(selection));
  }

  release({ id }: Selection): void {
    const known = this.#known.get(id);
    if (!known || --known.holders > 0) return;
    this.#known.delete(id);
    this.#patterns.count(known.account, -weightOf(known.selection));
  }
}
