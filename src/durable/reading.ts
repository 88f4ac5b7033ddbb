import type { Found, Reader } from "../feed/reader.ts";
import type { FrozenList } from "../feed/snapshot.ts";
import { encodeSnapshotPart, type Mode } from "../protocol/messages.ts";
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
  /** On whose account it is done. */
  readonly owner: string;
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

/** Reads at a time, in all and on one account. Each keeps a list, and what its line has not taken. */
const READS = 24;
const READS_OF_ONE = 8;
/** Milliseconds for which a reader may take nothing. */
const STUCK = 30_000;

/** Serves those who read over HTTP: in steps what is long, and no more of them at once than memory is for. */
export class Readings {
  readonly #name: string;
  readonly #reading = new Map<string, number>();
  #count = 0;
  /** Of those who wait for what they have asked for. */
  readonly #waiting = new Set<() => void>();

  constructor(name: string) {
    this.#name = name;
  }

  /** The entries of a selection, or what changed in it; nothing where too much is read already. The feed is settled. */
  async read(
    { feed, broadcast }: LiveFeed,
    { known, since, owner, ...asked }: ReadRequest,
  ): Promise<ReadOutcome | undefined> {
    const position = formatPosition(feed.position);
    if (known.includes(position) || known.includes("*")) return { position, body: undefined, isEmpty: true };
    if (!this.#begin(owner)) return undefined;
    const subscription = { selection: selectionOfId(asked.selection), mode: asked.mode, hz: undefined };
    let reader: Reader | undefined;
    const end = (): void => {
      reader?.release();
      this.#end(owner);
    };
    const { promise, resolve, reject } = Promise.withResolvers<Found | undefined>();
    const leave = (): void => resolve(undefined);
    this.#waiting.add(leave);
    let found: Found | undefined;
    try {
      reader = broadcast.read(owner, { subscription, since }, { found: resolve, failed: reject });
      found = await promise;
    } finally {
      this.#waiting.delete(leave);
      if (!found) end();
    }
    if (!found) return undefined;
    if (found.kind === "update") {
      end();
      return { position: formatPosition(found.at), body: found.message, isEmpty: found.isEmpty };
    }
    const { list, reason } = found;
    const head = this.#headOf(list, reason);
    const outcome = { position: formatPosition(list), isEmpty: false };
    if (list.parts > 1 && reader) return { ...outcome, body: stream(list, head, reader, end) };
    end();
    return { ...outcome, body: `${head}${list.part(0)}}}` };
  }

  /** Answers those who wait that they get nothing. */
  end(): void {
    for (const leave of this.#waiting) leave();
  }

  /** All that comes before the entries: of a message where there was a `since`. */
  #headOf(list: FrozenList, reason: Parameters<typeof encodeSnapshotPart>[1] | undefined): string {
    if (reason) return encodeSnapshotPart(list, reason, "", false, undefined).slice(0, -2);
    const { epoch, seq, time } = list;
    return `${JSON.stringify({ feed: this.#name, epoch, seq, time }).slice(0, -1)},"entries":{`;
  }

  #begin(owner: string): boolean {
    const own = this.#reading.get(owner) ?? 0;
    if (this.#count >= READS || own >= READS_OF_ONE) return false;
    this.#count++;
    this.#reading.set(owner, own + 1);
    return true;
  }

  #end(owner: string): void {
    this.#count--;
    const own = (this.#reading.get(owner) ?? 1) - 1;
    if (own > 0) this.#reading.set(owner, own);
    else this.#reading.delete(owner);
  }
}

/** A list as it is taken, part by part. A reader that goes away, or takes nothing for long, lets go of it. */
function stream(list: FrozenList, head: string, reader: Reader, end: () => void): ReadableStream<Uint8Array> {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  const write = async (text: string): Promise<void> => {
    const stuck = setTimeout(() => abort("the reader takes nothing"), STUCK);
    try {
      await writer.write(encoder.encode(text));
    } finally {
      clearTimeout(stuck);
    }
  };
  const abort = (reason: string): void => void writer.abort(reason).catch(() => {});
  reader.onGivenUp = () => abort("too much is read at once");
  const pump = async (): Promise<void> => {
    try {
      await write(head);
      for (let part = 0; part < list.parts; part++) {
        const members = list.part(part);
        await write(part === 0 || members === "" ? members : `,${members}`);
      }
      await write("}}");
      await writer.close();
    } catch {
      // It has gone.
    } finally {
      end();
    }
  };
  void pump();
  return readable;
}
