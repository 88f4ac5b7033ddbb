import type { Subscription } from "../protocol/messages.ts";
import { pendingOf, type Pending } from "./pending.ts";
import type { AcceptedUpdate } from "./record.ts";

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
  /** When `hz` allows the next message, in milliseconds since 1970. */
  notBefore = 0;

  constructor(id: string, subscription: Subscription, since: number) {
    this.id = id;
    this.subscription = subscription;
    this.pending = pendingOf(subscription.mode);
    this.since = since;
  }
}

function groupId({ selection, mode, hz }: Subscription): string {
  return `${mode}|${hz ?? ""}|${selection.id}`;
}

/**
 * All subscribers of a feed by what they want, indexed so that an update finds its groups by its key and never by
 * asking each of them.
 */
export class Audience<S> {
  readonly #most: number;
  readonly #groups = new Map<string, Group<S>[]>();
  readonly #byKey = new Map<string, Set<Group<S>>>();
  /** By length first: a key is looked up once for each length in use, however many prefixes there are. */
  readonly #byPrefix = new Map<number, Map<string, Set<Group<S>>>>();
  #size = 0;

  /** A group has `most` members at most. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Subscribers. */
  get size(): number {
    return this.#size;
  }

  get groups(): Iterable<Group<S>> {
    return [...this.#groups.values()].flat();
  }

  /** A group of those who want this that has room for one more. A new one waits for updates after `seq`. */
  group(subscription: Subscription, seq: number): Group<S> {
    const id = groupId(subscription);
    const alike = ensure(this.#groups, id, () => []);
    let group = alike.find(({ members }) => members.size < this.#most);
    if (!group) {
      group = new Group(id, subscription, seq);
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
    else this.#groups.delete(group.id);
    const { selection } = group.subscription;
    for (const key of selection.keys) removeFrom(this.#byKey, key, group);
    for (const prefix of selection.prefixes) {
      const sameLength = this.#byPrefix.get(prefix.length);
      if (!sameLength) continue;
      removeFrom(sameLength, prefix, group);
      if (sameLength.size === 0) this.#byPrefix.delete(prefix.length);
    }
  }

  /** Hands an update to the groups that it concerns, and tells which they are. */
  *deliver(accepted: AcceptedUpdate): Generator<Group<S>> {
    const { key } = accepted.update;
    for (const group of this.#byKey.get(key) ?? []) {
      group.pending.add(accepted);
      yield group;
    }
    for (const [length, sameLength] of this.#byPrefix) {
      // A selection's prefixes do not cover each other or its keys, so no group is found twice.
      for (const group of sameLength.get(key.slice(0, length)) ?? []) {
        group.pending.add(accepted);
        yield group;
      }
    }
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
