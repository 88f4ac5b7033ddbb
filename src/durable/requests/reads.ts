import type { ServedFeed } from "../../feed/fanout/broadcast.ts";
import type { CutValue } from "../../feed/state/accepted-update.ts";
import { encodeSnapshotAnswerStart } from "../../protocol/answers.ts";
import { Waiting } from "../../limits/counts.ts";
import { accountOf, Places, type CountedCaller } from "../../limits/places.ts";
import type { Budget, Share } from "../../feed/fanout/budget.ts";
import { patternsIn } from "../../feed/fanout/selections.ts";
import type { ReadResult, Reader } from "../../feed/fanout/catch-up/reader.ts";
import type { FrozenList } from "../../feed/fanout/catch-up/frozen-list.ts";
import { LogMemory } from "../../feed/fanout/catch-up/log-memory.ts";
import { encodeSnapshotPart } from "../../protocol/server-messages.ts";
import type { Mode, SnapshotReason } from "../../protocol/codes.ts";
import { formatPosition, type Position } from "../../protocol/position.ts";
import { restoreSelection } from "../../protocol/selection.ts";
import { streamList, type Cut } from "./answer-stream.ts";
import { HISTORY_ALWAYS, type HistoryPage } from "../storage/stored-log.ts";
import { historyReader } from "./history-reader.ts";

/** What a client asks for over HTTP. */
export interface ReadRequest {
  /** A selection's patterns. */
  readonly selection: string;
  /** The id of its fields. Undefined, as versions without it ask: all. */
  readonly fields?: string | undefined;
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
  /** The leader's plan, if there are replicas. */
  readonly plan?: string;
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
/** The same for reads of history. Of these, each may be a long search. */
const HISTORIES = 128;
const HISTORIES_OF_ONE = 32;
/** Bytes that these hold. Beyond that, the one that began first is finished before the others go on. */
const HISTORY_HELD = 4 * 1024 * 1024;

/** Answers reads over HTTP: long answers in steps, and no more of them at once than memory is for. */
export class Reads {
  readonly #name: string;
  readonly #places = new Places(READS, READS_OF_ONE);
  readonly #answers: Share;
  readonly #waitingShare: Share;
  readonly #waiting = new Waiting(WAITING, WAITING_OF_ONE);
  readonly #histories = new Waiting(HISTORIES, HISTORIES_OF_ONE);
  readonly #historyMemory: LogMemory;
  /** Cut off the answers that are being read. */
  readonly #cuts = new Set<Cut>();

  /** `name`: the feed's. */
  constructor(name: string, { answers, waits, history }: Pick<Budget, "answers" | "waits" | "history">) {
    this.#name = name;
    this.#answers = answers;
    this.#waitingShare = waits;
    this.#historyMemory = new LogMemory(HISTORY_HELD, history, 2 * HISTORY_ALWAYS);
  }

  /** The entries of a selection, or what changed in it; undefined if too much is read already. The feed is committed. */
  async read(
    { feed, broadcast }: ServedFeed,
    { known, since, caller, ...asked }: ReadRequest,
  ): Promise<ReadOutcome | undefined> {
    const position = formatPosition(feed.position);
    if (known.includes(position) || known.includes("*")) return { position, body: undefined, isEmpty: true };
    const account = accountOf(caller);
    if (this.#waiting.isFull(account)) return undefined;
    const selection = restoreSelection(asked.selection, asked.fields);
    const cut = broadcast.cutter.to(selection.fields, { work: 0 });
    const subscription = { selection, mode: asked.mode, hz: undefined };
    const weight = 1 + Math.floor(patternsIn(selection) / WAITING_WEIGHT);
    if (!this.#waitingShare.take(weight * WAITING_BYTES)) return undefined;
    let reader: Reader | undefined;
    this.#waiting.add(account, weight);
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
      if (list.parts === 1) return { ...outcome, body: `${head}${list.part(0, cut)}}}` };
      if (!reader || this.#places.refusal(caller)) return undefined;
      const body = this.#stream(list, head, cut, reader, caller);
      // The stream releases it.
      reader = undefined;
      return { ...outcome, body };
    } finally {
      this.#waiting.add(account, -weight);
      this.#waitingShare.give(weight * WAITING_BYTES);
      reader?.release();
    }
  }

  /** Reads a page of history in these steps; undefined if too many such reads wait for their turn. */
  async history(
    { broadcast }: ServedFeed,
    account: string,
    steps: Generator<number, HistoryPage>,
  ): Promise<HistoryPage | undefined> {
    if (this.#histories.isFull(account)) return undefined;
    this.#histories.add(account, 1);
    try {
      return await new Promise((found, failed) => {
        broadcast.search(historyReader(account, steps, this.#historyMemory, found, failed));
      });
    } finally {
      this.#histories.add(account, -1);
    }
  }

  /** Cuts off each answer that is being read. For a feed that is removed. */
  end(): void {
    for (const cut of this.#cuts) cut("the feed was removed");
  }

  #stream(
    list: FrozenList,
    head: string,
    cutValue: CutValue | undefined,
    reader: Reader,
    caller: CountedCaller,
  ): ReadableStream<Uint8Array> {
    this.#places.take(caller);
    const { readable, cut, done } = streamList(list, head, cutValue, this.#answers);
    this.#cuts.add(cut);
    reader.whenListGivenUp(() => cut("too much is read at once"));
    void done.finally(() => {
      reader.release();
      this.#cuts.delete(cut);
      this.#places.leave(caller);
    });
    return readable;
  }

  /** All that comes before the entries; of a message if there was a `since`. */
  #headOf(list: FrozenList, reason: SnapshotReason | undefined): string {
    if (reason) return encodeSnapshotPart(list, reason, "", false, undefined).slice(0, -2);
    return encodeSnapshotAnswerStart(this.#name, list);
  }
}
