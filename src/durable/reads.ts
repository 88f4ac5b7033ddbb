import { accountOf, Places, type CountedCaller } from "../limits/places.ts";
import type { Budget, Share } from "../feed/fanout/budget.ts";
import { weightOf } from "../feed/fanout/patterns.ts";
import type { Found, Reader } from "../feed/fanout/catch-up/reader.ts";
import type { FrozenList } from "../feed/fanout/catch-up/frozen-list.ts";
import { encodeSnapshotPart } from "../protocol/server-messages.ts";
import type { Mode } from "../protocol/codes.ts";
import { formatPosition, type Position } from "../protocol/position.ts";
import { selectionOfId } from "../protocol/selection.ts";
import type { LiveFeed } from "./live-feed.ts";

/** What a reader over HTTP asks for. */
export interface ReadRequest {
  /** A selection's id. */
  readonly selection: string;
  readonly mode: Mode;
  /** Only what changed after this. */
  readonly since: Position | undefined;
  /** Positions whose whole state the reader has, or `*`: at one of them it is told so and nothing more. */
  readonly known: readonly string[];
  /** Who reads: on that account it is done. */
  readonly caller: CountedCaller;
}

export interface ReadOutcome {
  readonly position: string;
  /** JSON, as a stream of UTF-8 where it is long; nothing where the reader knows it already. */
  readonly body: string | ReadableStream<Uint8Array> | undefined;
  /** Whether the body tells of nothing: there was a `since`, and nothing has changed. */
  readonly isEmpty: boolean;
}

export interface FeedStats extends Position {
  readonly feed: string;
  /** Whether it was ever published to. */
  readonly exists: boolean;
  readonly keys: number;
  readonly subscribers: number;
  /** Subscribers that do not take what they are sent, and are waited for. */
  readonly lagging: number;
  /** When the last update was accepted, in milliseconds since 1970; 0 before the first. */
  readonly time: number;
  /** Bytes of storage in use. */
  readonly storage: number;
  /** When the object came into memory, in milliseconds since 1970: later each time that it has hibernated. */
  readonly started: number;
}

/** Long answers that are read at a time, in all and by one address. Each keeps a list, and what its line has not taken. */
const READS = 24;
const READS_OF_ONE = 8;
/** Requests that wait for an answer, in all and on one account: what they select is held meanwhile. */
const WAITING = 512;
const WAITING_OF_ONE = 64;
/** Keys and prefixes that count as one more request that waits. */
const WAITING_WEIGHT = 128;
/** Bytes that so many take. */
const WAITING_BYTES = 6_500;
/** Milliseconds after which an answer looks again whether there is room for its next part. */
const LOOK_AGAIN = 20;
/** Milliseconds for which a reader may take nothing. */
const STUCK = 30_000;
/** Bytes a millisecond that it has to take in the long run, after as much time: a place is not to be had for trickling. */
const SLOWEST = 32;

/** Serves those who read over HTTP: in steps what is long, and no more of that at once than memory is for. */
export class Readings {
  readonly #name: string;
  readonly #places = new Places(READS, READS_OF_ONE);
  readonly #answers: Share;
  readonly #waitingShare: Share;
  readonly #waiting = new Map<string, number>();
  #waits = 0;
  /** What cuts the answers off that are being read. */
  readonly #streams = new Set<Cut>();

  constructor(name: string, { answers, waits }: Pick<Budget, "answers" | "waits">) {
    this.#name = name;
    this.#answers = answers;
    this.#waitingShare = waits;
  }

  /** The entries of a selection, or what changed in it; nothing where too much is read already. The feed is settled. */
  async read(
    { feed, broadcast }: Pick<LiveFeed, "feed" | "broadcast">,
    { known, since, caller, ...asked }: ReadRequest,
  ): Promise<ReadOutcome | undefined> {
    const position = formatPosition(feed.position);
    if (known.includes(position) || known.includes("*")) return { position, body: undefined, isEmpty: true };
    const owner = accountOf(caller) ?? "";
    const own = this.#waiting.get(owner) ?? 0;
    if (this.#waits >= WAITING || own >= WAITING_OF_ONE) return undefined;
    const subscription = { selection: selectionOfId(asked.selection), mode: asked.mode, hz: undefined };
    const weight = 1 + Math.floor(weightOf(subscription.selection) / WAITING_WEIGHT);
    if (!this.#waitingShare.take(weight * WAITING_BYTES)) return undefined;
    let reader: Reader | undefined;
    this.#wait(owner, weight);
    try {
      const found = await new Promise<Found | undefined>((found, failed) => {
        reader = broadcast.read(owner, { subscription, since }, { found, failed });
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
      reader = undefined;
      return { ...outcome, body };
    } finally {
      this.#wait(owner, -weight);
      this.#waitingShare.give(weight * WAITING_BYTES);
      reader?.release();
    }
  }

  /** Cuts off all that is being read: the feed is served no longer. */
  end(): void {
    for (const cut of this.#streams) cut("the feed was removed");
  }

  #stream(list: FrozenList, head: string, reader: Reader, caller: CountedCaller): ReadableStream<Uint8Array> {
    this.#places.take(caller);
    const { readable, cut, done } = stream(list, head, this.#answers);
    this.#streams.add(cut);
    reader.whenGivenUp(() => cut("too much is read at once"));
    void done.finally(() => {
      reader.release();
      this.#streams.delete(cut);
      this.#places.leave(caller);
    });
    return readable;
  }

  #wait(owner: string, by: number): void {
    this.#waits += by;
    const own = (this.#waiting.get(owner) ?? 0) + by;
    if (own > 0) this.#waiting.set(owner, own);
    else this.#waiting.delete(owner);
  }

  /** All that comes before the entries: of a message where there was a `since`. */
  #headOf(list: FrozenList, reason: Parameters<typeof encodeSnapshotPart>[1] | undefined): string {
    if (reason) return encodeSnapshotPart(list, reason, "", false, undefined).slice(0, -2);
    const { epoch, seq, time } = list;
    return `${JSON.stringify({ feed: this.#name, epoch, seq, time }).slice(0, -1)},"entries":{`;
  }
}

type Cut = (reason: string) => void;

/** How long a reader may take for what it gets next, as far as it has come. Times are milliseconds. */
export class Patience {
  #begun: number;
  #length = 0;

  constructor(now: number) {
    this.#begun = now;
  }

  /** It was not the reader that took so long. */
  waited(milliseconds: number): void {
    this.#begun += milliseconds;
  }

  /** For so many bytes more; 0 and less where it has taken too long already. */
  next(length: number, now: number): number {
    this.#length += length;
    return Math.min(STUCK, this.#begun + STUCK + this.#length / SLOWEST - now);
  }
}

/** A list as it is taken, part by part. A reader that goes away, or takes nothing or little for long, is cut off. */
function stream(
  list: FrozenList,
  head: string,
  share: Share,
): { readable: ReadableStream<Uint8Array>; cut: Cut; done: Promise<void> } {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  const patience = new Patience(Date.now());
  let isOver = false;
  const cut = (reason: string): void => {
    isOver = true;
    void writer.abort(reason).catch(() => {});
  };
  // It may go while it waits for room.
  writer.closed.catch(() => (isOver = true));
  // Not the text: it would be held beside them for as long as they wait.
  const write = async (bytes: Uint8Array): Promise<void> => {
    const late = setTimeout(() => cut("the reader takes too little"), patience.next(bytes.length, Date.now()));
    try {
      await writer.write(bytes);
    } finally {
      clearTimeout(late);
    }
  };
  const encodePart = (part: number): Uint8Array => {
    const members = list.part(part);
    return encoder.encode(part === 0 || members === "" ? members : `,${members}`);
  };
  /** A part that there is room for. One that has to wait is not kept meanwhile. */
  const takePart = async (part: number): Promise<Uint8Array> => {
    for (;;) {
      const bytes = encodePart(part);
      const { length } = bytes;
      if (share.take(length)) return bytes;
      await roomFor(length);
    }
  };
  const roomFor = async (length: number): Promise<void> => {
    const began = Date.now();
    while (!share.has(length)) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
      if (isOver) throw new Error("the reader has gone");
    }
    patience.waited(Date.now() - began);
  };
  const writePart = async (part: number): Promise<void> => {
    const bytes = await takePart(part);
    try {
      await write(bytes);
    } finally {
      share.give(bytes.length);
    }
  };
  const pump = async (): Promise<void> => {
    try {
      await write(encoder.encode(head));
      for (let part = 0; part < list.parts; part++) await writePart(part);
      await write(encoder.encode("}}"));
      await writer.close();
    } catch {
      // It has gone.
    }
  };
  return { readable, cut, done: pump() };
}
