import { backoff, LATER, openTimeout, retryPolicyOf } from "../connecting/retry-policy.ts";
import type { Line } from "./line.ts";
import { DONE, SocketLine, type SocketLineEvents, type SocketSettings } from "./over-socket.ts";
import { within } from "./timer.ts";

/**
 * While POSTs get through, the longest time to the next trial of a socket (milliseconds). In a network that lets none
 * through, trials soon are rare.
 */
const LAST_TRIAL = 15 * 60_000;

interface DialerEvents extends Omit<SocketLineEvents, "ended"> {
  readonly lost: (loss: Loss) => void;
}

/** A socket has ended, or did not open. */
export interface Loss {
  /** The socket, if it was open. */
  readonly line: Line | undefined;
  readonly reason: string;
  /** As of a WebSocket, or `DONE`. */
  readonly code: number;
  /** Milliseconds until it is worth another try. */
  readonly afterMs: number;
}

/** Opens sockets, one at a time, and not too often. */
export class SocketDialer {
  readonly #settings: SocketSettings;
  /** There is no other way: what to do until the next attempt is for others to say. */
  readonly #isOnly: boolean;
  readonly #events: DialerEvents;
  readonly #closing = new AbortController();
  #line: SocketLine | undefined;
  #isAsking = false;
  #failures = 0;
  /** Not before (milliseconds since 1970). */
  #nextAt = 0;

  constructor(settings: SocketSettings, isOnly: boolean, events: DialerEvents) {
    this.#settings = settings;
    this.#isOnly = isOnly;
    this.#events = events;
  }

  /** The socket that is open. */
  get line(): Line | undefined {
    return this.#line?.isOpen ? this.#line : undefined;
  }

  /** Opens a socket, unless there is one or it is too soon. */
  dial(): void {
    const isTooSoon = !this.#isOnly && Date.now() < this.#nextAt;
    if (!this.#line && !this.#isAsking && !isTooSoon) void this.#open();
  }

  /** The server was away altogether, and is back: that sockets did not open says nothing of the network. */
  forgive(): void {
    this.#failures = 0;
    this.#nextAt = 0;
  }

  close(): void {
    this.#closing.abort();
    this.#line?.close();
  }

  async #open(): Promise<void> {
    const { key, timeout } = this.#settings;
    const { signal } = this.#closing;
    let what = "there is no key: ";
    this.#isAsking = true;
    try {
      const token = typeof key === "function" ? await within(timeout, signal, async () => key()) : key;
      if (signal.aborted) return;
      what = "";
      this.#line = new SocketLine(this.#settings, token, openTimeout(this.#failures), {
        ...this.#events,
        ended: (reason, code) => this.#onEnd(reason, code),
      });
    } catch (error) {
      if (!signal.aborted) this.#onEnd(what + (error instanceof Error ? error.message : String(error)), 1006);
    } finally {
      this.#isAsking = false;
    }
  }

  #onEnd(reason: string, code: number): void {
    const line = this.#line;
    this.#line = undefined;
    if (line?.isProven) this.#failures = 0;
    if (retryPolicyOf(code) === "retryLater") this.#failures = Math.max(this.#failures, LATER);
    let afterMs = 0;
    if (code !== DONE) afterMs = backoff(this.#failures++, Math.random(), this.#isOnly ? undefined : LAST_TRIAL);
    this.#nextAt = Date.now() + afterMs;
    this.#events.lost({ line: line?.isOpen ? line : undefined, reason, code, afterMs });
  }
}
