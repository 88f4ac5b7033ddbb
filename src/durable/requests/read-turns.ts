import type { Share } from "../../feed/fanout/budget.ts";
import { HISTORY_ALWAYS } from "../storage/feed-store.ts";

/** A read in steps of a few milliseconds. It yields how many bytes it holds after each step, and returns its result. */
export type ReadSteps<T> = Generator<number, T>;

/** Reads that may wait: of one account, and of all together. */
const MOST_OF_AN_ACCOUNT = 32;
const MOST_OF_ALL = 128;
/** Bytes held by all reads under way. Beyond that, the read that holds the most is finished before others go on. */
const HELD = 4 * 1024 * 1024;
/** Milliseconds between two steps, in which everything else is served. */
const PAUSE = 1;

interface WaitingRead {
  /** Does a step, and returns how many bytes the read holds after it; undefined once it is over. */
  step(): number | undefined;
  fail(error: unknown): void;
  /** Answers that the read was not done. */
  leave(): void;
}

interface AccountReads {
  readonly reads: WaitingRead[];
  /** Bytes that the first of them holds. The others have not begun. */
  held: number;
}

/**
 * Long reads of storage, done a step at a time: one step in a turn of the event loop, with the accounts in turn. However
 * many reads there are, all other work waits for one step at most, and the memory that they hold is bounded.
 */
export class ReadTurns {
  /** By account. The one whose turn is next comes first. */
  readonly #accounts = new Map<string, AccountReads>();
  readonly #share: Share;
  #waiting = 0;
  #held = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(share: Share) {
    this.#share = share;
  }

  /** Bytes that the read whose step it is may hold in addition. */
  get room(): number {
    return this.#share.room;
  }

  /** Does a read, at once if no other is under way. Resolves with undefined, at once, if too many wait. */
  take<T>(account: string, steps: ReadSteps<T>): Promise<T | undefined> {
    const own = this.#accounts.get(account) ?? { reads: [], held: 0 };
    if (this.#waiting >= MOST_OF_ALL || own.reads.length >= MOST_OF_AN_ACCOUNT) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      const step = (): number | undefined => {
        const { done, value } = steps.next();
        if (done !== true) return value;
        resolve(value);
        return undefined;
      };
      own.reads.push({ step, fail: reject, leave: () => resolve(undefined) });
      this.#accounts.set(account, own);
      this.#waiting++;
      if (this.#timer === undefined) this.#turn();
    });
  }

  /** Ends all reads. Each resolves with undefined. */
  end(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { reads } of this.#accounts.values()) for (const read of reads) read.leave();
    this.#accounts.clear();
    this.#waiting = 0;
    this.#held = 0;
    this.#count();
  }

  #turn(): void {
    this.#timer = undefined;
    const next = this.#next();
    if (!next) return;
    const [account, own] = next;
    this.#accounts.delete(account);
    const held = stepOf(own.reads[0]);
    this.#held += (held ?? 0) - own.held;
    own.held = held ?? 0;
    if (held === undefined) {
      own.reads.shift();
      this.#waiting--;
    }
    if (own.reads.length > 0) this.#accounts.set(account, own);
    this.#count();
    if (this.#waiting > 0) this.#timer = setTimeout(() => this.#turn(), PAUSE);
  }

  #next(): [string, AccountReads] | undefined {
    let [next] = this.#accounts;
    if (this.#held < HELD && this.#share.has(2 * HISTORY_ALWAYS)) return next;
    for (const other of this.#accounts) if (next && other[1].held > next[1].held) next = other;
    return next;
  }

  #count(): void {
    let most = 0;
    for (const { held } of this.#accounts.values()) most = Math.max(most, held);
    this.#share.setAll(this.#held, most);
  }
}

function stepOf(read: WaitingRead | undefined): number | undefined {
  try {
    return read?.step();
  } catch (error) {
    read?.fail(error);
    return undefined;
  }
}
