// @ts-check
// One WebSocket, made again whenever it is lost. It knows when to come back and when not to; what the
// messages mean is its owner's affair.

import { backoff, MIN_DELAY } from "./backoff.js";

/**
 * @typedef {{ name: "connecting" }
 *   | { name: "live" }
 *   | { name: "reconnecting", at: number | null }
 *   | { name: "refused", why: string }} ConnectionState
 * `at`: when the next attempt begins (ms since 1970); null while one is under way.
 */

/**
 * @typedef {object} ConnectionOptions
 * @property {() => string} address Asked at every attempt, as the position in it moves.
 * @property {() => Promise<string | null>} refusal Why the server would refuse us, if it would. A browser does not
 *   say with which status an upgrade failed, so this has to be asked separately.
 * @property {(text: string) => void} onText
 * @property {(state: ConnectionState) => void} onState
 */

// Milliseconds.
const OPEN_TIMEOUT = 10_000;
const SILENCE = 20_000;
const PONG_TIMEOUT = 10_000;
/** Live for this long, a connection counts as good again: a server that cuts at once must not be hammered. */
const SETTLED = 5000;
/** Failed attempts that "come back later" stands for: the next delay is drawn from up to 8 s. */
const LATER = 3;
/** Of the attempts in a row that never opened: asking costs a request. */
const ASK_WHY_EVERY = 4;

const REFUSALS = new Map([
  [4400, "the server did not understand this page"],
  [4401, "credentials are missing, invalid or expired"],
  [4403, "this page may not read the feed"],
]);
const COME_BACK_LATER = new Set([4429, 4503]);

export class Connection {
  /** When the server was last heard (ms since 1970); null if never. @type {number | null} */
  heardAt = null;

  /** @type {ConnectionOptions} */ #options;
  /** @type {ConnectionState} */ #state = { name: "connecting" };
  /** @type {WebSocket | null} */ #socket = null;
  /** Ends what we hear of the socket. */ #listening = new AbortController();
  /** The one timer: next attempt, opening, silence or pong. @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #failures = 0;
  #unopened = 0;
  #attemptedAt = 0;
  #liveSince = 0;
  #wasLive = false;

  /** @param {ConnectionOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /** Connects, from whatever state. */
  start() {
    this.#discard();
    this.#attemptedAt = Date.now();
    this.#setState(this.#wasLive || this.#failures > 0 ? { name: "reconnecting", at: null } : { name: "connecting" });
    const socket = new WebSocket(this.#options.address());
    this.#socket = socket;
    this.#after(OPEN_TIMEOUT, () => this.drop());
    this.#listening = new AbortController();
    const on = { signal: this.#listening.signal };
    let opened = false;
    socket.addEventListener(
      "open",
      () => {
        opened = true;
        this.#unopened = 0;
        this.#heard();
        this.#watchSilence();
      },
      on,
    );
    socket.addEventListener(
      "message",
      ({ data }) => {
        this.#heard();
        if (data !== "pong" && typeof data === "string") this.#options.onText(data);
      },
      on,
    );
    socket.addEventListener("close", (event) => this.#closed(event.code, event.reason, opened), on);
  }

  /** The owner has applied what brings it up to date. */
  live() {
    if (this.#socket === null || this.#state.name === "live") return;
    this.#wasLive = true;
    this.#liveSince = Date.now();
    this.#setState({ name: "live" });
  }

  /** Gives this socket up and comes back later. */
  drop() {
    this.#closed(1006, "", true);
  }

  /** Stops for good, until `start`. @param {string} why */
  refuse(why) {
    this.#discard();
    // The next attempt is somebody's decision, and begins anew.
    this.#failures = this.#unopened = 0;
    this.#setState({ name: "refused", why });
  }

  /** The network or the user is back: don't sit out the delay, and don't trust a socket that slept. */
  wake() {
    if (this.#state.name === "reconnecting" && this.#socket === null) {
      this.#waitUntil(Math.max(Date.now(), this.#attemptedAt + MIN_DELAY));
    } else if (this.#socket?.readyState === WebSocket.OPEN) this.#ping();
  }

  /**
   * @param {number} code
   * @param {string} reason
   * @param {boolean} opened
   */
  #closed(code, reason, opened) {
    const now = Date.now();
    if (this.#state.name === "live" && now - this.#liveSince >= SETTLED) this.#failures = 0;
    const refusal = REFUSALS.get(code);
    if (refusal !== undefined) {
      this.refuse(reason === "" ? `${refusal} (${code})` : `${refusal} (${code}: ${reason})`);
      return;
    }
    this.#discard();
    const askWhy = !opened && this.#unopened++ % ASK_WHY_EVERY === 0;
    if (COME_BACK_LATER.has(code)) this.#failures = Math.max(this.#failures, LATER);
    this.#waitUntil(now + backoff(this.#failures, Math.random()));
    this.#failures += 1;
    if (askWhy) void this.#askWhy();
  }

  async #askWhy() {
    const waiting = this.#state;
    const why = await this.#options.refusal();
    if (why !== null && this.#state === waiting) this.refuse(why);
  }

  /** @param {number} at */
  #waitUntil(at) {
    this.#after(at - Date.now(), () => this.start());
    this.#setState({ name: "reconnecting", at });
  }

  #heard() {
    this.heardAt = Date.now();
  }

  /** One timer that looks back, instead of one that every message would have to push forward. */
  #watchSilence() {
    const left = (this.heardAt ?? 0) + SILENCE - Date.now();
    if (left <= 0) this.#ping();
    else this.#after(left, () => this.#watchSilence());
  }

  /** A half-open socket swallows what is sent and never closes; only an answer proves that it works. */
  #ping() {
    const askedAt = Date.now();
    this.heardAt = Math.min(this.heardAt ?? 0, askedAt - 1);
    this.#socket?.send("ping");
    this.#after(PONG_TIMEOUT, () => {
      if ((this.heardAt ?? 0) >= askedAt) this.#watchSilence();
      else this.drop();
    });
  }

  /** Closing a dead socket can take minutes to be reported, so it is let go without waiting. */
  #discard() {
    clearTimeout(this.#timer);
    this.#listening.abort();
    this.#socket?.close();
    this.#socket = null;
  }

  /**
   * @param {number} ms
   * @param {() => void} action
   */
  #after(ms, action) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, Math.max(0, ms));
  }

  /** @param {ConnectionState} state */
  #setState(state) {
    this.#state = state;
    this.#options.onState(state);
  }
}
