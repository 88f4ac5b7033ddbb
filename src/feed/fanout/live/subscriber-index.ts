import type { Fields } from "../../../protocol/fields.ts";
import { memberNames } from "../../../protocol/json-scan.ts";
import type { Subscription } from "../../../protocol/selection.ts";
import type { AcceptedUpdate } from "../../state/accepted-update.ts";
import { groupId, roundRate } from "../selections.ts";
import { Group, type Subscriber } from "../subscriber.ts";
import { PrefixIndex } from "./prefix-index.ts";
import { ensure, removeFrom } from "./sets.ts";
import { PendingMemory, pendingFor, PendingUpdate, type Allowance } from "./pending.ts";

/** What one delivery may do. */
export interface DeliveryAllowance extends Allowance {
  /** Additions of an update to a group. */
  additions: number;
}

const UNBOUNDED: DeliveryAllowance = { left: Infinity, additions: Infinity };

/** The groups of a feed, indexed so that an update finds the groups that select its key without asking each of them. */
export class SubscriberIndex {
  readonly #groupSize: number;
  readonly #groups = new Map<string, Group[]>();
  readonly #byKey = new Map<string, Set<Group>>();
  readonly #byPrefix = new PrefixIndex<Group>();
  readonly pendingMemory = new PendingMemory();

  /** `groupSize`: how many members a group may have. */
  constructor(groupSize: number) {
    this.#groupSize = groupSize;
  }

  get groups(): readonly Group[] {
    return [...this.#groups.values()].flat();
  }

  /** Makes a subscriber a member of its group. A new group waits for updates after `seq`. */
  join(subscriber: Subscriber, seq: number): Group {
    const group = this.#groupFor(subscriber.subscription, seq);
    group.members.add(subscriber);
    subscriber.group = group;
    return group;
  }

  leave(subscriber: Subscriber): void {
    const { group } = subscriber;
    subscriber.group = undefined;
    if (!group?.members.delete(subscriber) || group.members.size > 0) return;
    const others = this.#groups.get(group.id)?.filter((other) => other !== group) ?? [];
    if (others.length > 0) this.#groups.set(group.id, others);
    else this.#groups.delete(group.id);
    group.pending.clear();
    this.#removeFromIndex(group);
  }

  /**
   * Adds an update to what waits for each group that it concerns, and yields these groups. Yields undefined for a group that
   * selects its key and none of what it changes.
   */
  *add(update: AcceptedUpdate, allowance: DeliveryAllowance = UNBOUNDED): Generator<Group | undefined> {
    const { key } = update;
    const shared = new PendingUpdate(update);
    const concerns = concernOf(update, allowance);
    const addTo = (group: Group): Group | undefined => {
      const { fields } = group.subscription.selection;
      allowance.additions--;
      if (fields && !concerns(fields)) return undefined;
      group.pending.add(shared, allowance);
      return group;
    };
    for (const group of this.#byKey.get(key) ?? []) yield addTo(group);
    // The prefixes of a selection cover neither each other nor its keys, so no group is found twice.
    for (const group of this.#byPrefix.find(key)) yield addTo(group);
  }

  /** A group with room for one more member. */
  #groupFor(asked: Subscription, seq: number): Group {
    const subscription = roundRate(asked);
    const id = groupId(subscription);
    const alike = ensure(this.#groups, id, () => []);
    let group = alike.find(({ members }) => members.size < this.#groupSize);
    if (!group) {
      group = new Group(id, subscription, seq, pendingFor(subscription, this.pendingMemory));
      alike.push(group);
      this.#addToIndex(group);
    }
    return group;
  }

  #addToIndex(group: Group): void {
    const { keys, prefixes } = group.subscription.selection;
    for (const key of keys) ensure(this.#byKey, key, newSet).add(group);
    for (const prefix of prefixes) this.#byPrefix.add(prefix, group);
  }

  #removeFromIndex(group: Group): void {
    const { keys, prefixes } = group.subscription.selection;
    for (const key of keys) removeFrom(this.#byKey, key, group);
    for (const prefix of prefixes) this.#byPrefix.remove(prefix, group);
  }
}

/** Names that are looked for in about the time of an addition. */
const NAMES_IN_AN_ADDITION = 8;

/** Tells of fields whether an update concerns who selects these. Its names are read once, if anybody asks. */
function concernOf(update: AcceptedUpdate, allowance: DeliveryAllowance): (fields: Fields) => boolean {
  let names: ReadonlySet<string> | undefined;
  return (fields) => {
    if (!update.meetsEntry) return true;
    names ??= memberNames(update.valueText);
    allowance.additions -= Math.floor(Math.min(names.size, fields.size) / NAMES_IN_AN_ADDITION);
    return fields.includeAny(names);
  };
}

function newSet(): Set<Group> {
  return new Set();
}
