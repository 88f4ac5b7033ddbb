import { Feed } from "../feed/state/feed.ts";
import { decodeRecords } from "../feed/state/record-lines.ts";
import { seqAfter, type LogRecord } from "../feed/state/record.ts";
import type { FeedLimits } from "../protocol/limits.ts";
import type { Push } from "./links.ts";
import { StateDecoder } from "./state-lines.ts";

/**
 * The records of a push that a feed at this position lacks: empty if it has all. Undefined if they do not join on: the feed
 * is in another epoch, or something before them is missing. Then the follower has to ask, and never to guess: a push of an
 * earlier epoch may have been on its way for long.
 */
export function missingRecords({ epoch, seq }: Feed, push: Push): readonly LogRecord[] | undefined {
  if (push.epoch !== epoch) return undefined;
  if (push.seq <= seq) return [];
  const records = [...decodeRecords(push.records)].filter((record) => seqAfter(record) > seq);
  let reached = seq;
  for (const record of records) {
    if (record.from !== reached) return undefined;
    reached = seqAfter(record);
  }
  return reached === push.seq ? records : undefined;
}

/** Builds a feed from the state that its leader sends, and from the records since that state began. */
export class FeedRestore {
  readonly #limits: FeedLimits;
  readonly #decoder = new StateDecoder();
  #feed: Feed | undefined;
  readonly #asked: number;
  /** The seq that the feed has to reach before it is whole; undefined before the state has ended. */
  #whole: number | undefined;

  /** `asked`: the leader's seq when it was asked. The state may have been begun before, for others. */
  constructor(limits: FeedLimits, asked = 0) {
    this.#limits = limits;
    this.#asked = asked;
  }

  /** Whether all of the state has come. The feed then only lacks records. */
  get hasState(): boolean {
    return this.#whole !== undefined;
  }

  /** The feed once it is whole. Before, it is no state that ever was. */
  get whole(): Feed | undefined {
    return this.#feed && this.#whole !== undefined && this.#feed.seq >= this.#whole ? this.#feed : undefined;
  }

  /** Where records have to begin; undefined before the state has begun. */
  get position(): Feed["position"] | undefined {
    return this.#feed?.position;
  }

  /** Takes a piece of the state's text, in a few milliseconds if it is a part as the leader sends them. */
  push(piece: string): void {
    for (const line of this.#decoder.push(piece)) {
      if (line.kind === "begin") this.#feed = new Feed({ ...line.position, forgotten: 0 }, this.#limits);
      else if (line.kind === "entries") {
        for (const entry of line.entries) this.#feed?.restore(entry, line.isNarrow);
      } else {
        this.#feed?.entries.noteForgotten(line.forgotten);
        this.#feed?.apply([]);
        this.#whole = Math.max(line.seq, this.#asked);
      }
    }
  }

  /** Applies records that follow. Returns false if they do not join on. */
  apply(push: Push): boolean {
    const records = this.#feed && missingRecords(this.#feed, push);
    if (!records) return false;
    this.#feed?.apply(records);
    return true;
  }
}
