/** What is read of a state, and by how many, is bounded. Milliseconds, and bytes. */
export interface SharingPolicy {
  /** For which others may join a walk after it began. */
  readonly join: number;
  /** That are kept of a walk: of its beginning, for those who may join, and of what some of its readers have not taken yet. */
  readonly kept: number;
  /** For which a reader may take nothing. */
  readonly stall: number;
  /** Walks at a time. */
  readonly walks: number;
}

/** 10,000 keys with values of 200 bytes are 2 MB: most states are kept as a whole for a moment. */
export const SHARING: Omit<SharingPolicy, "join"> = { kept: 2 * 1024 * 1024, stall: 10_000, walks: 2 };

/**
 * The whole states that a leader's replicas read, all that ask within a moment from one walk through the feed: each part is
 * encoded once, when the first of them wants it, and kept until the last has taken it. So that one who is slow or gone costs
 * neither memory nor the others' time, the walk does not wait: a reader that falls behind by more than is kept is cut off,
 * and has to ask again. Then it reads along with those who are as slow.
 *
 * Everyone gets the text of a walk from its first line on. What `state-lines.ts` says of the text therefore holds for each of
 * them, though the walk may have begun before it asked: it needs the records from then on, and may need more than up to
 * the text's last line, to have all that was committed when it asked.
 */
export class SharedStates {
  readonly #policy: SharingPolicy;
  readonly #walks = new Set<Walk>();

  constructor(policy: SharingPolicy) {
    this.#policy = policy;
  }

  /** Bytes that are kept. */
  get kept(): number {
    let kept = 0;
    for (const walk of this.#walks) kept += walk.length;
    return kept;
  }

  /** A reader of the state of a feed in `epoch`; `begin` begins a walk. Throws if too much is read already. */
  read(epoch: string, begin: () => Generator<string>, now: number): StateReader {
    this.tend(now);
    for (const walk of this.#walks) if (walk.epoch === epoch && walk.mayBeJoined(now)) return walk.join(now);
    if (this.#walks.size >= this.#policy.walks) throw new Error("too many read the state of the feed");
    const walk = new Walk(epoch, begin(), now, this.#policy);
    this.#walks.add(walk);
    return walk.join(now);
  }

  /** Lets go of what nobody takes. Returns whether anything is left, and this is to be called again. */
  tend(now: number): boolean {
    for (const walk of this.#walks) {
      walk.tend(now);
      if (walk.isOver) this.#walks.delete(walk);
    }
    return this.#walks.size > 0;
  }

  /** Stops all: the feed is not served any more. */
  end(): void {
    for (const walk of this.#walks) walk.fail(new Error("the feed is not read any more"));
    this.#walks.clear();
  }
}

/** One replica's way through a state. */
export interface StateReader {
  /** The next part; undefined at the end. Throws if the state cannot be read on. */
  next(now: number): Uint8Array | undefined;
  /** Stops reading. */
  end(): void;
}

class Reader implements StateReader {
  readonly #walk: Walk;
  /** Index of the part that it takes next. */
  index = 0;
  tookAt: number;
  failure: unknown;

  constructor(walk: Walk, now: number) {
    this.#walk = walk;
    this.tookAt = now;
  }

  next(now: number): Uint8Array | undefined {
    if (this.failure !== undefined) throw this.failure;
    const part = this.#walk.part(this.index);
    this.tookAt = now;
    if (part) this.index++;
    else this.end();
    this.#walk.letGo(now);
    return part;
  }

  end(): void {
    this.#walk.leave(this);
  }
}

class Walk {
  readonly epoch: string;
  readonly #text: Generator<string>;
  readonly #begun: number;
  readonly #policy: SharingPolicy;
  readonly #encoder = new TextEncoder();
  readonly #readers = new Set<Reader>();
  /** Parts that are kept, and how many before them are not any more. */
  readonly #parts: Uint8Array[] = [];
  #dropped = 0;
  length = 0;
  #isRead = false;
  /** Whether nothing is left of it. */
  isOver = false;

  constructor(epoch: string, text: Generator<string>, now: number, policy: SharingPolicy) {
    this.epoch = epoch;
    this.#text = text;
    this.#begun = now;
    this.#policy = policy;
    // Its position is that of now.
    this.#readOn();
  }

  mayBeJoined(now: number): boolean {
    return !this.isOver && this.#dropped === 0 && now - this.#begun <= this.#policy.join;
  }

  join(now: number): StateReader {
    const reader = new Reader(this, now);
    this.#readers.add(reader);
    return reader;
  }

  leave(reader: Reader): void {
    this.#readers.delete(reader);
  }

  /** A part, for a reader that has those before it. */
  part(index: number): Uint8Array | undefined {
    if (index === this.#dropped + this.#parts.length) this.#readOn();
    return this.#parts[index - this.#dropped];
  }

  /** Keeps no longer what all have taken, once nobody may join. */
  letGo(now: number): void {
    if (this.mayBeJoined(now)) return;
    const next = Math.min(...[...this.#readers].map(({ index }) => index));
    while (this.#dropped < next && this.#parts.length > 0) this.#dropOldest();
  }

  #readOn(): void {
    if (this.#isRead) return;
    try {
      const { done, value } = this.#text.next();
      if (done === true) {
        this.#isRead = true;
        return;
      }
      const part = this.#encoder.encode(value);
      this.#parts.push(part);
      this.length += part.length;
    } catch (error) {
      this.fail(error);
      throw error;
    }
    while (this.length > this.#policy.kept && this.#parts.length > 1) this.#dropOldest();
    for (const reader of this.#readers) {
      if (reader.index < this.#dropped) this.#cutOff(reader, new Error("others read the state too much faster"));
    }
  }

  #dropOldest(): void {
    this.length -= this.#parts.shift()?.length ?? 0;
    this.#dropped++;
  }

  tend(now: number): void {
    for (const reader of this.#readers) {
      if (now - reader.tookAt > this.#policy.stall) this.#cutOff(reader, new Error("the state was not read on"));
    }
    if (this.#readers.size === 0 && !this.mayBeJoined(now)) this.fail(new Error("nobody reads the state"));
  }

  #cutOff(reader: Reader, failure: Error): void {
    reader.failure = failure;
    this.#readers.delete(reader);
  }

  fail(error: unknown): void {
    for (const reader of this.#readers) reader.failure = error;
    this.#readers.clear();
    this.#text.return(undefined);
    this.#parts.length = 0;
    this.length = 0;
    this.isOver = true;
  }
}
