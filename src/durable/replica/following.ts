import type { Feed } from "../../feed/state/feed.ts";
import { inTime } from "../../limits/in-time.ts";
import type { FeedLimits } from "../../protocol/limits.ts";
import type { Position } from "../../protocol/position.ts";
import { FeedRestore, missingRecords } from "../../replication/follower.ts";
import type { Push } from "../../replication/links.ts";
import { askPatiently } from "./ask-patiently.ts";
import type { FollowingFeed } from "./following-feed.ts";
import { release, type FollowAnswer } from "../links/rpc.ts";

/** What following needs of the replica's object. */
export interface FollowingHost {
  readonly limits: FeedLimits;
  /** The feed as it is served; undefined if the memory has none. */
  served(): FollowingFeed | undefined;
  /** Milliseconds that never go backwards. */
  steady(): number;
  /** Asks the leader. Rejects if it cannot be reached. */
  follow(position: Position | undefined): Promise<FollowAnswer>;
  /** Serves a feed that was built anew, in place of the one before. */
  replace(feed: Feed): void;
}

/** Milliseconds for which a request waits for the leader. */
const PATIENCE = 5_000;
/** Milliseconds without a word of the leader, in the midst of an answer or before it, after which the answer is given up. */
const SILENCE = 15_000;
/** Milliseconds from one question to the next: what comes in between shares it. So much the leader is asked for at most. */
const PACE = 20;
/** Milliseconds after a question without an answer for which no reader waits for another one. */
const UNREACHABLE_FOR = 1_000;
/** Whole states that one catch-up asks for. One is not enough if the leader's log is very short, or the state breaks off. */
const MOST_STATES = 3;
const MOST_PAST = 1_000;

/** The leader cannot be reached, or not in time. */
class LeaderUnreachable extends Error {}

function silent(): Error {
  return new LeaderUnreachable("the leader has fallen silent");
}

/**
 * Keeps a replica's feed the same as its leader's, by two ways: the leader pushes what it commits; and whenever that does not
 * join on, or the replica has nothing yet, or a client knows more, the replica asks. Asking gives the truth at a moment
 * after the question; a push may be late, and alone never moves a feed to another epoch.
 */
export class Following {
  readonly #host: FollowingHost;
  /** When the leader was last heard of, in milliseconds since 1970. */
  heardAt = -Infinity;
  /** The question that is being asked, if any, and the one after it. */
  #asking: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  /** When the last question was asked, and when one had no answer, on the steady clock. */
  #askedAt = -Infinity;
  #failedAt = -Infinity;
  /** How often the feed was removed. What was asked for before is of a feed that is no more. */
  #removals = 0;
  /** Epochs of clients that are over, by the leader's word: none comes twice. */
  readonly #past = new Set<string>();

  constructor(host: FollowingHost) {
    this.#host = host;
  }

  get isAsking(): boolean {
    return this.#asking !== undefined || this.#next !== undefined;
  }

  /** Whether what is here is no older than a client's position, as far as this replica knows. */
  hasReached(since: Position | undefined): boolean {
    const feed = this.#host.served()?.feed;
    if (!feed) return false;
    if (since === undefined || this.#past.has(since.epoch)) return true;
    return since.epoch === feed.epoch && since.seq <= feed.seq;
  }

  /** The feed was removed: an answer that is on its way does not count any more. */
  forget(): void {
    this.#removals++;
  }

  /** Takes a push. Resolves when the feed has what it tells, or more. */
  async take(push: Push): Promise<void> {
    // The leader is there.
    this.#failedAt = -Infinity;
    await this.#asking?.catch(() => {});
    const served = this.#host.served();
    const records = served && missingRecords(served.feed, push);
    if (records) served.apply(records);
    else await this.#ask();
    this.heardAt = Date.now();
  }

  /**
   * Has the feed at a client's position or beyond it, or at all. If the leader does not know the position either, the feed
   * is as the leader's then. Rejects with `LeaderUnreachable`.
   */
  async reach(since: Position | undefined): Promise<void> {
    if (this.hasReached(since)) return;
    // What is being asked may be enough.
    if (this.#asking) await this.#within(this.#asking.catch(() => {}));
    if (this.hasReached(since)) return;
    await this.#within(this.#ask());
    if (since && since.epoch !== this.#host.served()?.feed.epoch) this.#notePast(since.epoch);
  }

  /** Has all that the leader had committed when it was called. Rejects with `LeaderUnreachable`. */
  async refresh(): Promise<void> {
    if (this.#host.steady() - this.#failedAt < UNREACHABLE_FOR && this.#host.served())
      throw new LeaderUnreachable("the leader did not answer a moment ago");
    await this.#within(this.#ask());
  }

  #notePast(epoch: string): void {
    if (this.#past.size >= MOST_PAST) this.#past.clear();
    this.#past.add(epoch);
  }

  /** Asks the leader for what is missing, after this call. One question at a time; who comes before it is asked shares it. */
  #ask(): Promise<void> {
    return (this.#next ??= this.#askNext());
  }

  async #askNext(): Promise<void> {
    await this.#asking?.catch(() => {});
    const wait = this.#askedAt + PACE - this.#host.steady();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    this.#asking = this.#next;
    this.#next = undefined;
    this.#askedAt = this.#host.steady();
    try {
      // A replica that has nothing: the Worker goes on to another object.
      await askPatiently(() => this.#catchUp(), this.#host.served() === undefined);
      this.#failedAt = -Infinity;
      this.heardAt = Date.now();
    } finally {
      this.#asking = undefined;
    }
  }

  async #catchUp(): Promise<void> {
    for (let states = 0; states < MOST_STATES;) {
      const served = this.#host.served();
      const removals = this.#removals;
      const answer = await this.#follow(served?.feed.position);
      try {
        if (answer.kind === "state") {
          states++;
          try {
            const feed = await this.#readState(answer);
            if (feed && removals === this.#removals) {
              this.#host.replace(feed);
              return;
            }
          } catch (error) {
            if (states === MOST_STATES) throw error;
          }
          continue;
        }
        // What a push brought meanwhile is left out.
        const records = served && this.#host.served() === served && missingRecords(served.feed, answer.push);
        if (!records) throw new Error("the leader's records do not join on");
        served.apply(records);
        if (answer.isEnd) return;
      } finally {
        release(answer);
      }
    }
    throw new Error("the leader's log is too short to follow");
  }

  /** Asks the leader. One that says nothing must not be waited for without end: nothing else would be asked meanwhile. */
  async #follow(position: Position | undefined): Promise<FollowAnswer> {
    const asked = this.#host.follow(position);
    try {
      return await inTime(asked, SILENCE, silent);
    } catch (error) {
      asked.then(release, () => {});
      throw error;
    }
  }

  /** Builds the feed anew; undefined if the records since the state began are not to be had any more. */
  async #readState({ lines, seq }: Extract<FollowAnswer, { kind: "state" }>): Promise<Feed | undefined> {
    const restore = new FeedRestore(this.#host.limits, seq);
    const reader = lines.pipeThrough(new TextDecoderStream()).getReader();
    try {
      for (;;) {
        // Each part takes a few milliseconds, and waiting for the next lets others be served.
        const { done, value } = await inTime(reader.read(), SILENCE, silent);
        if (done) break;
        restore.push(value);
      }
    } catch (error) {
      void reader.cancel(error).catch(() => {});
      throw error;
    }
    if (!restore.hasState) throw new Error("the leader's state broke off");
    while (!restore.whole) {
      const answer = await this.#follow(restore.position);
      if (answer.kind === "state") await answer.lines.cancel();
      release(answer);
      if (answer.kind === "state") return undefined;
      const { seq = 0 } = restore.position ?? {};
      if (answer.push.seq <= seq || !restore.apply(answer.push)) throw new Error("the leader's records do not join on");
    }
    return restore.whole;
  }

  async #within(asking: Promise<void>): Promise<void> {
    try {
      await inTime(asking, PATIENCE, () => new LeaderUnreachable("the leader does not answer"));
    } catch (error) {
      this.#failedAt = this.#host.steady();
      throw error instanceof LeaderUnreachable
        ? error
        : new LeaderUnreachable("the leader cannot be reached", { cause: error });
    }
  }
}
