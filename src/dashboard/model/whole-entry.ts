import type { Feed } from "../../client/types.ts";
import type { JsonObject } from "../../protocol/json.ts";

/** One entry with all its fields, followed beside a feed that asks only for some of them. */
export class WholeEntry {
  readonly #watch: (key: string) => Feed<JsonObject>;
  readonly #onChange: () => void;
  #key: string | undefined;
  #feed: Feed<JsonObject> | undefined;

  constructor(watch: (key: string) => Feed<JsonObject>, onChange: () => void) {
    this.#watch = watch;
    this.#onChange = onChange;
  }

  /** Follows this key from now on, or none. */
  follow(key: string | undefined): void {
    if (key === this.#key) return;
    this.#feed?.close();
    this.#key = key;
    this.#feed = key === undefined ? undefined : this.#watch(key);
    this.#feed?.on("change", this.#onChange);
  }

  /** Undefined if no key is followed, if it is not in the feed, or before it has come. */
  get value(): JsonObject | undefined {
    return this.#key === undefined ? undefined : this.#feed?.get(this.#key);
  }
}
