import type { SnapshotReason } from "../../../protocol/codes.ts";
import type { Fields } from "../../../protocol/fields.ts";
import { encodeSnapshotPart } from "../../../protocol/server-messages.ts";
import type { Feed } from "../../state/feed.ts";
import type { Log } from "../../state/record.ts";
import type { EncodedMessage } from "../encoded-message.ts";
import type { FanoutLimits } from "../fanout-limits.ts";
import type { Cutter } from "../cutter.ts";
import { lookupCost, type WorkMeter } from "../work.ts";
import { EncodedCache } from "./encoded-cache.ts";
import { FrozenList, idOf, ITEM_BYTES, type ListRequest } from "./frozen-list.ts";
import { ListsInUse } from "./lists-in-use.ts";
import type { RecentUpdates } from "./recent-updates.ts";

/** What everything that reads the feed for a client works with. */
export interface ReadContext {
  readonly feed: Feed;
  readonly log: Log;
  readonly limits: FanoutLimits;
  readonly snapshots: Snapshots;
  readonly recent: RecentUpdates;
  readonly cutter: Cutter;
}

/**
 * Finds or makes the frozen lists that snapshots are read from. All who want the same at one moment read one list. When
 * there is no room for another list, a reader gets an older one, and then a catch-up from there.
 */
export class Snapshots {
  readonly #feed: Feed;
  readonly #limits: FanoutLimits;
  /** To be told of readers that begin with a list or end, and of the feed's updates. */
  readonly inUse: ListsInUse;
  readonly #encoded = new EncodedCache();
  readonly #cutter: Cutter;

  constructor(feed: Feed, limits: FanoutLimits, cutter: Cutter) {
    this.#feed = feed;
    this.#limits = limits;
    this.#cutter = cutter;
    this.inUse = new ListsInUse(limits.frozenBytes);
  }

  /** A list for a request; undefined if there is no room for it now. */
  take(request: ListRequest, meter: WorkMeter): FrozenList | undefined {
    const wasMeasured = request.mostEntries !== undefined;
    const found = this.#find(request);
    const mayMake = found !== undefined || this.#mayMake(request);
    if (!wasMeasured && request.mostEntries !== undefined) meter.work += lookupCost(request.selection);
    if (found) return found;
    if (!mayMake) {
      request.refusedAt = this.inUse.changes;
      return undefined;
    }
    return new FrozenList(this.#feed, request, this.#limits.partLength, meter);
  }

  /** Whether a refused request has a chance now. Costs next to nothing while no list comes or goes. */
  canTake(request: ListRequest): boolean {
    if (this.#isFeedShort) return true;
    if (request.refusedAt === this.inUse.changes) return false;
    request.refusedAt = this.inUse.changes;
    return this.inUse.countOf(request.account) < this.#limits.frozenPerAccount || this.inUse.has(idOf(request));
  }

  /**
   * One part as a message, encoded once for all who read the same fields of it at about the same time. `id`: of the message
   * that it answers.
   */
  message(
    list: FrozenList,
    part: number,
    reason: SnapshotReason,
    fields: Fields | undefined,
    meter: WorkMeter,
    id?: number,
  ): EncodedMessage {
    const key = `${list.number}|${part}|${reason}|${id ?? ""}|${fields?.id ?? ""}`;
    return this.#encoded.get(key, () => {
      const isLast = part === list.parts - 1;
      return {
        type: "snapshot",
        text: encodeSnapshotPart(list, reason, list.part(part, this.#cutter.to(fields, meter)), !isLast, id),
        position: isLast ? { epoch: list.epoch, seq: list.seq } : undefined,
        isEmpty: false,
      };
    });
  }

  /** A list in use: of the present; or of an earlier moment if there is no room for another list. */
  #find(request: ListRequest): FrozenList | undefined {
    const id = idOf(request);
    if (!this.inUse.has(id)) return undefined;
    const { epoch, seq, entries } = this.#feed;
    const { since } = request;
    // After an earlier list the reader needs all changes since, deletions included. And a reader that was at `since`
    // already, too far back for the changes, would be there again after a list of that moment: it needs a later one.
    const isPresent = since === undefined || this.#hasRoom(request);
    const from = isPresent ? seq : Math.min(seq, Math.max(since + 1, entries.forgotten));
    return this.inUse.newest(id, epoch, from);
  }

  /** Whether a list may be made, if need be in place of older ones. */
  #mayMake(request: ListRequest): boolean {
    return this.inUse.countOf(request.account) < this.#limits.frozenPerAccount || this.#isShort(request);
  }

  /** Whether a list may be made beside the others. */
  #hasRoom(request: ListRequest): boolean {
    if (this.inUse.size === 0 || this.#isShort(request)) return true;
    if (!this.#mayMake(request)) return false;
    return this.inUse.bytes + this.#mostEntries(request) * ITEM_BYTES <= this.#limits.frozenBytes;
  }

  /** Whether one message is enough, so that no list stays in use. Values may be long: they then are few. */
  #isShort(request: ListRequest): boolean {
    return this.#isFeedShort || this.#mostEntries(request) === 0;
  }

  get #isFeedShort(): boolean {
    return this.#feed.entries.length <= this.#limits.partLength;
  }

  /** How many entries the list may have, as counted at the first attempt. */
  #mostEntries(request: ListRequest): number {
    const { entries } = this.#feed;
    request.mostEntries ??= entries.mostSelected(request.selection);
    return Math.min(entries.size, request.mostEntries);
  }
}
