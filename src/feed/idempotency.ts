import { LIMITS } from "../protocol/limits.ts";
import type { Receipt } from "../protocol/messages.ts";

/** A publish that carried an idempotency key, with all that its repeat needs. */
export interface RememberedPublish {
  readonly key: string;
  /** Digest of the body: a repeat with another body is a mistake of the publisher's. */
  readonly digest: string;
  /** When it was accepted, in milliseconds since 1970. */
  readonly at: number;
  readonly receipt: Receipt;
}

/** The publishes of the last ten minutes that carried an idempotency key, oldest first. */
export class Idempotency {
  readonly #byKey = new Map<string, RememberedPublish>();

  find(key: string, now: number): RememberedPublish | undefined {
    const found = this.#byKey.get(key);
    return found && found.at + LIMITS.idempotencyWindow > now ? found : undefined;
  }

  /** Milliseconds until there is room for one more; 0 where there is. */
  waitForRoom(now: number): number {
    this.#forget(now);
    if (this.#byKey.size < LIMITS.rememberedPublishes) return 0;
    const [oldest] = this.#byKey.values();
    return oldest ? oldest.at + LIMITS.idempotencyWindow - now : 0;
  }

  remember(publish: RememberedPublish): void {
    this.#byKey.delete(publish.key);
    this.#byKey.set(publish.key, publish);
  }

  #forget(now: number): void {
    for (const [key, publish] of this.#byKey) {
      if (publish.at + LIMITS.idempotencyWindow > now) return;
      this.#byKey.delete(key);
    }
  }
}
