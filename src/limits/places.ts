import type { Caller } from "../access/access.ts";
import { count } from "./count.ts";

/** Who takes a place, as far as that is known. */
export interface Guest {
  /** Where it is counted as coming from; none where it is not counted. */
  readonly address: string | undefined;
  readonly kind: Caller["kind"];
  /** Whose credential it has; none where it has none. */
  readonly holder: string | undefined;
}

/** Shares of all places: whoever has a credential finds room, whatever those without one do; keys, whatever tokens do. */
const ANONYMOUS = 3 / 4;
const ONE_TOKEN = 1 / 2;
const WITHOUT_KEY = 15 / 16;

/** Why there is no place: it is the guest's own share that is full, or all is. */
export type Refusal = "rate_limited" | "overloaded";

/** Counts the places of a feed's subscribers, of which nobody may take all. */
export class Places {
  readonly #most: number;
  readonly #perAddress: number;
  readonly #byAddress = new Map<string, number>();
  readonly #byToken = new Map<string, number>();
  #all = 0;
  #anonymous = 0;
  #tokens = 0;

  constructor(most: number, perAddress: number) {
    this.#most = most;
    this.#perAddress = perAddress;
  }

  /** Why there is no place for one more; nothing where there is one. */
  refusal({ address, kind, holder }: Guest): Refusal | undefined {
    if (this.#all >= this.#most) return "overloaded";
    if (kind !== "key" && this.#anonymous + this.#tokens >= this.#share(WITHOUT_KEY)) return "overloaded";
    if (kind === "anonymous" && this.#anonymous >= this.#share(ANONYMOUS)) return "overloaded";
    if (address !== undefined && (this.#byAddress.get(address) ?? 0) >= this.#perAddress) return "rate_limited";
    if (kind === "token" && (this.#byToken.get(holder ?? "") ?? 0) >= this.#share(ONE_TOKEN)) return "rate_limited";
    return undefined;
  }

  take(guest: Guest): void {
    this.#count(guest, 1);
  }

  leave(guest: Guest): void {
    this.#count(guest, -1);
  }

  /** At least one, or a feed of few places would be closed to some. */
  #share(of: number): number {
    return Math.max(1, Math.floor(of * this.#most));
  }

  #count({ address, kind, holder }: Guest, by: 1 | -1): void {
    this.#all += by;
    if (kind === "anonymous") this.#anonymous += by;
    if (kind === "token") {
      this.#tokens += by;
      count(this.#byToken, holder ?? "", by);
    }
    if (address !== undefined) count(this.#byAddress, address, by);
  }
}
