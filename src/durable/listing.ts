import type { DirectoryObject } from "./directory-object.ts";

/** Sees to it that a feed is listed before it is first written to. */
export class Listing {
  readonly #directory: DurableObjectStub<DirectoryObject> | undefined;
  readonly #most: number;
  #listed: Promise<boolean> | undefined;

  /** With no directory every feed is taken. `most`: feeds that may be listed. */
  constructor(directory: DurableObjectStub<DirectoryObject> | undefined, most: number) {
    this.#directory = directory;
    this.#most = most;
  }

  /** False where there are as many feeds as there may be. Rejects where the directory cannot be reached. */
  async add(feed: string): Promise<boolean> {
    if (!this.#directory) return true;
    // Asked once for all who wait; anew by the next where it was not to be.
    this.#listed ??= Promise.resolve(this.#directory.add(feed, this.#most));
    let isListed = false;
    try {
      isListed = await this.#listed;
    } finally {
      if (!isListed) this.#listed = undefined;
    }
    return isListed;
  }
}
