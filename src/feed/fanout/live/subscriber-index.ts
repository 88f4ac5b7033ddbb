import type { Subscription } from "../../../protocol/subscription.ts";
import type { Selection } from "../../../protocol/selection.ts";
import type { FanoutLimits } from "../fanout-limits.ts";
import { Patterns, weightOf, type PatternAccount, type PatternRefusal } from "../patterns.ts";
import { Held, pendingOf, Shared, type Pending, type Room } from "./pending.ts";
import type { AcceptedUpdate } from "../../state/record.ts";

/**
 * Subscribers that want the same in the same way, and are served together: what they get is encoded once. Where very
 * many want the same they are several groups, so that not all of them have to be served in one go.
 */
export class Group<S> {
  readonly id: string;
  readonly subscription: Subscription;
  readonly members = new Set<S>();
  readonly pending: Pending;
  /** `pending` holds every concerned update after this seq. */
  since: number;
  /** When `hz` allows the next message, by the clock that never goes back. */
  notBefore = 0;

  /** Who came first: on that account its patterns are counted. */
  readonly account: PatternAccount;

  constructor(id: string, subscription: Subscription, since: number, account: PatternAccount, held: Held) {
    this.id = id;
    this.subscription = subscription;
    this.pending = pendingOf(subscription.mode, held);
    this.since = since;
    this.account = account;
  }
}

/** What tells the groups of a feed apart. */
export function groupId(subscription: Subscription): string {
  const { selection, mode, hz } = rounded(subscription);
  return `${mode}|${hz ?? ""}|${selection.id}`;
}

/** The same, at a rate that is not above what was asked for: rates that are nearly equal are one. */
function rounded(subscription: Subscription): Subscription {
  const { hz } = subscription;
  if (hz === undefined) return subscription;
  // Two digits. The little more is for what doubles cannot say exactly.
  const scale = 10 ** (1 - Math.floor(Math.log10(hz)));
  return { ...subscription, hz: Math.floor(hz * scale + 1e-9) / scale };
}

/**
 * All subscribers of a feed by what they want, indexed so that an update finds its groups by its key and never by
 * asking each of them.
 */
export class SubscriberIndex<S> {
  readonly #most: number;
  readonly #groups = new Map<string, Group<S>[]>();
  readonly #byKey = new Map<string, Set<Group<S>>>();
  /** By length first: a key is looked up once for each length in use, however many prefixes there are. */
  readonly #byPrefix = new Map<number, Map<string, Set<Group<S>>>>();
  #size = 0;
  /** What waits for all groups. */
  readonly held = new Held();
  /** Keys and prefixes that groups look for. */
  readonly #patterns: Patterns;
  /** By id: many want the same, and each would else keep a copy of its own. */
  readonly #selections = new Map<string, { selection: Selection; groups: number }>();

  /** A group has `most` members at most. `patterns`: where what is looked for is counted. */
  constructor(most: number, patterns = new Patterns()) {
    this.#most = most;
    this.#patterns = patterns;
  }

  /** Subscribers. */
  get size(): number {
    return this.#size;
  }

  get groups(): Iterable<Group<S>> {
    return [...this.#groups.values()].flat();
  }

  /** Why one more who wants this cannot be taken; nothing where it can. Where another wants the same it costs nothing. */
  refusal(account: PatternAccount, subscription: Subscription, bounds: FanoutLimits): PatternRefusal | undefined {
    if (this.#patterns.has(groupId(subscription))) return undefined;
    return this.#patterns.refusal(account, weightOf(subscription.selection), bounds);
  }

  /** The same, with the selection that others have too where there are any. */
  shared(subscription: Subscription): Subscription {
    const known = this.#selections.get(subscription.selection.id)?.selection;
    return known ? { ...subscription, selection: known } : subscription;
  }

  /** A group of those who want this that has room for one more. A new one waits for updates after `seq`. */
  group(asked: Subscription, seq: number, { account, kind }: PatternAccount = { account: "" }): Group<S> {
    const subscription = rounded(asked);
    const id = groupId(subscription);
    const alike = ensure(this.#groups, id, () => []);
    let group = alike.find(({ members }) => members.size < this.#most);
    if (!group) {
      // The patterns of those who are alike are counted once.
      group = new Group(id, subscription, seq, alike[0]?.account ?? { account, kind }, this.held);
      if (alike.length === 0) this.#count(group, 1);
      alike.push(group);
      for (const groups of this.#indexOf(subscription)) groups.add(group);
    }
    return group;
  }

  join(subscriber: S, group: Group<S>): void {
    if (group.members.has(subscriber)) return;
    group.members.add(subscriber);
    this.#size++;
  }

  leave(subscriber: S, group: Group<S>): void {
    if (!group.members.delete(subscriber)) return;
    this.#size--;
    if (group.members.size > 0) return;
    const others = this.#groups.get(group.id)?.filter((other) => other !== group) ?? [];
    if (others.length > 0) this.#groups.set(group.id, others);
    else {
      this.#groups.delete(group.id);
      this.#count(group, -1);
    }
    group.pending.clear();
    const { selection } = group.subscription;
    for (const key of selection.keys) removeFrom(this.#byKey, key, group);
    for (const prefix of selection.prefixes) {
      const sameLength = this.#byPrefix.get(prefix.length);
      if (!sameLength) continue;
      removeFrom(sameLength, prefix, group);
      if (sameLength.size === 0) this.#byPrefix.delete(prefix.length);
    }
  }

  /** Hands an update to the groups that it concerns, and tells which they are. `room`: for what has to be composed. */
  *deliver(accepted: AcceptedUpdate, room: Room = { left: Infinity }): Generator<Group<S>> {
    const { key } = accepted;
    const shared = new Shared(accepted);
    for (const group of this.#byKey.get(key) ?? []) {
      group.pending.add(shared, room);
      yield group;
    }
    for (const [length, sameLength] of this.#byPrefix) {
      // A selection's prefixes do not cover each other or its keys, so no group is found twice.
      for (const group of sameLength.get(key.slice(0, length)) ?? []) {
        group.pending.add(shared, room);
        yield group;
      }
    }
  }

  #count({ id, subscription: { selection }, account }: Group<S>, by: 1 | -1): void {
    if (by > 0) this.#patterns.use(id, selection, account);
    else this.#patterns.leave(id);
    const known = ensure(this.#selections, selection.id, () => ({ selection, groups: 0 }));
    known.groups += by;
    if (known.groups === 0) this.#selections.delete(selection.id);
  }

  *#indexOf({ selection }: Subscription): Generator<Set<Group<S>>> {
    for (const key of selection.keys) yield ensure(this.#byKey, key, () => new Set());
    for (const prefix of selection.prefixes) {
      const sameLength = ensure(this.#byPrefix, prefix.length, () => new Map<string, Set<Group<S>>>());
      yield ensure(sameLength, prefix, () => new Set());
    }
  }
}

function ensure<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function removeFrom<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const set = map.get(key);
  set?.delete(value);
  if (set?.size === 0) map.delete(key);
}
