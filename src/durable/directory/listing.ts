import { inTime } from "../../limits/in-time.ts";
import type { Directory, Listed } from "./rpc.ts";

/** Milliseconds that a receipt waits for the directory at most. */
const LONGEST_WAIT = 1_000;

/** A feed's directory entry: made before the feed is first written to, marked when it changes after it was asked. */
export class Listing {
  readonly #directory: DurableObjectStub<Directory> | undefined;
  readonly #most: number;
  #listed: Promise<Listed> | undefined;
  /** Whether the directory knows, or is being told, that the feed has changed since it last asked. */
  #isMarked = false;
  #marking: Promise<void> | undefined;

  /** Without a directory every feed counts as listed. `most`: feeds that may be listed. */
  constructor(directory: DurableObjectStub<Directory> | undefined, most: number) {
    this.#directory = directory;
    this.#most = most;
  }

  /** Lists the feed; `maker` is the credential that makes it. Rejects if the directory cannot be reached. */
  async add(feed: string, maker: string): Promise<Listed> {
    if (!this.#directory) return "listed";
    // One request serves all that wait for it. If the answer is no, the next caller asks again.
    const adding = (this.#listed ??= Promise.resolve(this.#directory.add(feed, this.#most, maker)));
    let listed: Listed | undefined;
    try {
      listed = await adding;
    } finally {
      if (listed !== "listed" && this.#listed === adding) this.#listed = undefined;
    }
    // The feed was removed while it was being listed.
    return listed === "listed" && this.#listed !== adding ? this.add(feed, maker) : listed;
  }

  /**
   * Tells the directory that the feed has changed, unless it knows. Await it before a receipt goes out: a publisher that
   * has a receipt finds the feed in the list. If the directory cannot be reached, the next change tells it.
   */
  change(feed: string): Promise<void> | undefined {
    if (!this.#directory || this.#isMarked) return this.#marking;
    this.#isMarked = true;
    const told = Promise.resolve(this.#directory.change(feed)).catch(() => (this.#isMarked = false));
    const marking: Promise<void> = inTime(told, LONGEST_WAIT, () => new Error("the directory did not answer"))
      .catch(() => {})
      .then(() => {
        if (this.#marking === marking) this.#marking = undefined;
      });
    return (this.#marking = marking);
  }

  /** Notes that the directory asks for the feed's stats: it does not know of changes from now on. */
  asked(): void {
    this.#isMarked = false;
  }

  /** Removes the feed's name. Rejects if the directory cannot be reached; the name may be removed all the same. */
  async remove(feed: string): Promise<void> {
    try {
      await this.#directory?.remove(feed);
    } finally {
      this.#listed = undefined;
      this.#isMarked = false;
    }
  }
}
