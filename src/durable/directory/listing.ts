import type { DirectoryObject, Listed } from "./directory-object.ts";

/** Why a feed that is not there cannot be made. */
export const NOT_LISTED: Readonly<Record<Exclude<Listed, "listed">, string>> = {
  full: "There are as many feeds as there may be.",
  share: "Tokens have made as many feeds as they may.",
};

/** Milliseconds that a receipt waits for the directory at most. */
const PATIENCE = 1_000;

/**
 * A feed's entry in the directory: there before the feed is first written to, and marked as changed once it is not as it
 * was when the directory last asked.
 */
export class Listing {
  readonly #directory: DurableObjectStub<DirectoryObject> | undefined;
  readonly #most: number;
  #listed: Promise<Listed> | undefined;
  /** Whether the directory has been told of a change since it last asked, or is being told. */
  #isTold = false;
  #telling: Promise<void> | undefined;

  /** With no directory every feed is taken. `most`: feeds that may be listed. */
  constructor(directory: DurableObjectStub<DirectoryObject> | undefined, most: number) {
    this.#directory = directory;
    this.#most = most;
  }

  /** Lists the feed; `maker` is the credential that makes it. Rejects where the directory cannot be reached. */
  async add(feed: string, maker: string): Promise<Listed> {
    if (!this.#directory) return "listed";
    // Asked once for all who wait; anew by the next where it was not to be.
    const adding = (this.#listed ??= Promise.resolve(this.#directory.add(feed, this.#most, maker)));
    let listed: Listed | undefined;
    try {
      listed = await adding;
    } finally {
      if (listed !== "listed" && this.#listed === adding) this.#listed = undefined;
    }
    // Forgotten while it was being listed.
    return listed === "listed" && this.#listed !== adding ? this.add(feed, maker) : listed;
  }

  /**
   * Tells the directory that the feed has changed, unless it knows. To be awaited before a receipt goes out: whoever has
   * one finds it in the list. Where the directory cannot be told, the next change is.
   */
  change(feed: string): Promise<void> | undefined {
    if (!this.#directory || this.#isTold) return this.#telling;
    this.#isTold = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const telling = promise.then(() => {
      if (this.#telling === telling) this.#telling = undefined;
    });
    this.#telling = telling;
    const timer = setTimeout(resolve, PATIENCE);
    Promise.resolve(this.#directory.change(feed))
      .catch(() => (this.#isTold = false))
      .finally(() => {
        clearTimeout(timer);
        resolve();
      });
    return telling;
  }

  /** Notes that the directory asks how the feed is: what changes from now on is news to it. */
  asked(): void {
    this.#isTold = false;
  }

  /** Removes the feed's name. Rejects where the directory cannot be reached, which may have removed it all the same. */
  async remove(feed: string): Promise<void> {
    try {
      await this.#directory?.remove(feed);
    } finally {
      this.#listed = undefined;
      this.#isTold = false;
    }
  }
}
