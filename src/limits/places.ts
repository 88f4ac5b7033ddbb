import type { Caller } from "../access/access.ts";
import type { NoRoom } from "../protocol/codes.ts";
import { Counts } from "./counts.ts";

/** What the limits know of a caller. */
export interface CountedCaller {
  /** The IP address or network that places are counted by; undefined if they are not counted by one. */
  readonly clientIp: string | undefined;
  readonly kind: Caller["kind"];
  /** The id of the caller's credential; undefined if it has none. */
  readonly credential: string | undefined;
  /** Whom the credential names, for rules on publishes. It is not kept with a socket that may not publish. */
  readonly subject?: string | undefined;
}

/** The account on which limits are counted: the credential's id, else the client IP; "" if neither is known. */
export function accountOf({ credential, clientIp }: CountedCaller): string {
  return credential ?? clientIp ?? "";
}

/** Shares of all places: anonymous callers leave some for those with a credential, and tokens leave some for keys. */
const ANONYMOUS = 3 / 4;
const ONE_TOKEN = 1 / 2;
const WITHOUT_KEY = 15 / 16;

/** Counts the places that are taken, so that no caller takes all of them. */
export class Places {
  readonly #most: number;
  readonly #perIp: number;
  readonly #byIp = new Counts();
  readonly #byToken = new Counts();
  #all = 0;
  #anonymous = 0;
  #tokens = 0;

  /** `most`: places in all; `perIp`: places of one client IP. */
  constructor(most: number, perIp: number) {
    this.#most = most;
    this.#perIp = perIp;
  }

  /** Why there is no place for one more; undefined if there is one. */
  refusal({ clientIp, kind, credential = "" }: CountedCaller): NoRoom | undefined {
    if (this.#all >= this.#most) return "overloaded";
    if (kind !== "key" && this.#anonymous + this.#tokens >= this.#share(WITHOUT_KEY)) return "overloaded";
    if (kind === "anonymous" && this.#anonymous >= this.#share(ANONYMOUS)) return "overloaded";
    if (clientIp !== undefined && this.#byIp.of(clientIp) >= this.#perIp) return "rate_limited";
    if (kind === "token" && this.#byToken.of(credential) >= this.#share(ONE_TOKEN)) return "rate_limited";
    return undefined;
  }

  take(caller: CountedCaller): void {
    this.#count(caller, 1);
  }

  leave(caller: CountedCaller): void {
    this.#count(caller, -1);
  }

  /** At least one: a feed with few places must not be closed to a kind of caller. */
  #share(of: number): number {
    return Math.max(1, Math.floor(of * this.#most));
  }

  #count({ clientIp, kind, credential = "" }: CountedCaller, by: 1 | -1): void {
    this.#all += by;
    if (kind === "anonymous") this.#anonymous += by;
    if (kind === "token") {
      this.#tokens += by;
      this.#byToken.add(credential, by);
    }
    if (clientIp !== undefined) this.#byIp.add(clientIp, by);
  }
}
