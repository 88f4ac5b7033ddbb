import type { ServedFeed } from "../../feed/fanout/broadcast.ts";
import { encodeSnapshotAnswerStart } from "../../protocol/answers.ts";
import { Counts } from "../../limits/counts.ts";
import { accountOf, Places, type CountedCaller } from "../../limits/places.ts";
import type { Budget, Share } from "../../feed/fanout/budget.ts";
import { patternsIn } from "../../feed/fanout/patterns.ts";
import type { ReadResult, Reader } from "../../feed/fanout/catch-up/reader.ts";
import type { FrozenList } from "../../feed/fanout/catch-up/frozen-list.ts";
import { encodeSnapshotPart } from "../../protocol/server-messages.ts";
import type { Mode } from "../../protocol/codes.ts";
import { formatPosition, type Position } from "../../protocol/position.ts";
import { selectionOfId } from "../../protocol/selection.ts";
import { streamList, type Cut } from "./answer-stream.ts";
import type { FeedStore, HistoryPage } from "../storage/feed-store.ts";
import { ReadTurns } from "./read-turns.ts";

/** What a client asks for over HTTP. */
export interface ReadRequest {
  /** A selection's id. */
  readonly selection: string;
  readonly mode: Mode;
  /** Only what changed after this. */
  readonly since: Position | undefined;
  /** Positions whose whole state the client has, or `*`. If the feed is at one of them, the answer has no body. */
  readonly known: readonly string[];
  readonly caller: CountedCaller;
}

export interface ReadOutcome {
  readonly position: string;
  /** JSON, as a stream of UTF-8 if it is long; undefined if the client has this state already. */
  readonly body: string | ReadableStream<Uint8Array> | undefined;
  /** Whether the body has no update: there was a `since`, and nothing has changed. */
  readonly isEmpty: boolean;
}

/**
 * Long answers that are read at a time, in all and by one client IP. Each keeps a list, and what its connection has not
 * taken.
 */
const READS = 24;
const READS_OF_ONE = 8;
/** Requests that wait for an answer, in all and of one account. Each keeps its selection meanwhile. */
const WAITING = 512;
const WAITING_OF_ONE = 64;
/** Keys and prefixes that count as one more waiting request. */
const WAITING_WEIGHT = 128;
/** Bytes that so many take. */
const WAITING_BYTES = 6_500;

/** Answers reads over HTTP: long answers in steps, and no more of them at once than memory is for. */
export class Reads {
  readonly #name: string;
  readonly #places = new Places(READS, READS_OF_ONE);
  readonly #answers: Share;
  readonly #waitingShare: Share;
  readonly #waitingBy = new Counts();
  #waiting = 0;
  readonly #historyTurns: ReadTurns;
  /** Cut off the answers that are being read. */
  readonly #cuts = new Set<Cut>();

  /** `name`: the feed's. */
  constructor(name: string, { answers, waits, history }: Pick<Budget, "answers" | "waits" | "history">) {
    this.#name = name;
    this.#answers = answers;
    this.#waitingShare = waits;
    this.#historyTurns = new ReadTurns(history);
  }

  /** The entries of a selection, or what changed in it; undefined if too much is read already. The feed is committed. */
  async read(
    { feed, broadcast }: ServedFeed,
    { known, since, caller, ...asked }: ReadRequest,
  ): Promise<ReadOutcome | undefined> {
    const position = formatPosition(feed.position);
    if (known.includes(position) || known.includes("*")) return { position, body: undefined, isEmpty: true };
    const account = accountOf(caller);
    const own = this.#waitingBy.of(account);
    if (this.#waiting >= WAITING || own >= WAITING_OF_ONE) return undefined;
    const subscription = { selection: selectionOfId(asked.selection), mode: asked.mode, hz: undefined };
    const weight = 1 + Math.floor(patternsIn(subscription.selection) / WAITING_WEIGHT);
    if (!this.#waitingShare.take(weight * WAITING_BYTES)) return undefined;
    let reader: Reader | undefined;
    this.#countWaiting(account, weight);
    try {
      const found = await new Promise<ReadResult | undefined>((found, failed) => {
        reader = broadcast.read(account, { subscription, since }, { found, failed });
      });
      if (!found) return undefined;
      if (found.kind === "update") {
        return { position: formatPosition(found.at), body: found.message, isEmpty: found.isEmpty };
      }
      const { list, reason } = found;
      const head = this.#headOf(list, reason);
      const outcome = { position: formatPosition(list), isEmpty: false };
      if (list.parts === 1) return { ...outcome, body: `${head}${list.part(0)}}}` };
      if (!reader || this.#places.refusal(caller)) return undefined;
      const body = this.#stream(list, head, reader, caller);
      // The stream releases it.
      reader = undefined;
      return { ...outcome, body };
    } finally {
      this.#countWaiting(account, -weight);
      this.#waitingShare.give(weight * WAITING_BYTES);
      reader?.release();
    }
  }

  /** A page of a key's history; undefined if too many reads wait for their turn. */
  history(
    store: FeedStore,
    account: string,
    key: string,
    limit: number,
    before: number,
  ): Promise<HistoryPage | undefined> {
    const turns = this.#historyTurns;
    return turns.take(
      account,
      store.history(key, limit, before, () => turns.room),
    );
  }

  /** Cuts off each answer that is being read, and refuses each read of history that waits. For a feed that is removed. */
  end(): void {
    this.#historyTurns.end();
    for (const cut of this.#cuts) cut("the feed was removed");
  }

  #stream(list: FrozenList, head: string, reader: Reader, caller: CountedCaller): ReadableStream<Uint8Array> {
    this.#places.take(caller);
    const { readable, cut, done } = streamList(list, head, this.#answers);
    this.#cuts.add(cut);
    reader.whenListGivenUp(() => cut("too much is read at once"));
    void done.finally(() => {
      reader.release();
      this.#cuts.delete(cut);
      this.#places.leave(caller);
    });
    return readable;
  }

  #countWaiting(account: string, by: number): void {
    this.#waiting += by;
    this.#waitingBy.add(account, by);
  }

  /** All that comes before the entries; of a message if there was a `since`. */
  #headOf(list: FrozenList, reason: Parameters<typeof encodeSnapshotPart>[1] | undefined): string {
    if (reason) return encodeSnapshotPart(list, reason, "", false, undefined).slice(0, -2);
    return encodeSnapshotAnswerStart(this.#name, list);
  }
}
