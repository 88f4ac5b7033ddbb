import type { Share } from "../../feed/fanout/budget.ts";
import type { FrozenList } from "../../feed/fanout/catch-up/frozen-list.ts";
import type { CutValue } from "../../feed/state/accepted-update.ts";

/** Ends a stream with an error. */
export type Cut = (reason: string) => void;

/** Milliseconds after which an answer looks again if there is room for its next part. */
const LOOK_AGAIN = 20;
/** Milliseconds for which a reader may take nothing. */
const STUCK = 30_000;
/** Bytes a millisecond that a reader has to take after that time: a place is not for readers that trickle. */
const SLOWEST = 32;

/** How long a reader may take for the next part, by what it has taken so far. Times are milliseconds. */
export class Patience {
  #begun: number;
  #length = 0;

  constructor(now: number) {
    this.#begun = now;
  }

  /** Notes time that passed through no fault of the reader. */
  waited(milliseconds: number): void {
    this.#begun += milliseconds;
  }

  /** The time for so many bytes more; 0 or less if the reader has taken too long already. */
  next(length: number, now: number): number {
    this.#length += length;
    return Math.min(STUCK, this.#begun + STUCK + this.#length / SLOWEST - now);
  }
}

/**
 * Streams a list part by part, as its reader takes it. A reader that goes away, or takes nothing or little for long, is cut
 * off. `share` is the memory that parts are encoded in. `done` never rejects.
 */
export function streamList(
  list: FrozenList,
  head: string,
  cutValue: CutValue | undefined,
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
  // The reader may go away while the stream waits for room.
  writer.closed.catch(() => (isOver = true));
  // Takes bytes and not text: the text would be held beside them for as long as they wait.
  const write = async (bytes: Uint8Array): Promise<void> => {
    const late = setTimeout(() => cut("the reader takes too little"), patience.next(bytes.length, Date.now()));
    try {
      await writer.write(bytes);
    } finally {
      clearTimeout(late);
    }
  };
  /** Encodes a part that there is room for. A part that has to wait is not kept meanwhile. */
  const takePart = async (part: number): Promise<Uint8Array> => {
    for (;;) {
      const members = list.part(part, cutValue);
      const bytes = encoder.encode(part === 0 || members === "" ? members : `,${members}`);
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
  const writeAll = async (): Promise<void> => {
    try {
      await write(encoder.encode(head));
      for (let part = 0; part < list.parts; part++) await writePart(part);
      await write(encoder.encode("}}"));
      await writer.close();
    } catch {
      // The reader has gone.
    }
  };
  return { readable, cut, done: writeAll() };
}
