import { openSocket, type OpenSocket, type SocketClass } from "../connecting/socket.ts";
import { GOOD_AFTER } from "../connecting/retry-policy.ts";
import { PROTOCOL } from "../protocol/names.ts";
import { acceptanceOf, answerOf, parseObject, STATUSES, type Answer, type Members } from "./answer.ts";
import { bodyOf } from "./call.ts";
import type { Destination } from "./destination.ts";
import { PublishRefusedError } from "./errors.ts";
import type { Admit, Answered, Line } from "./line.ts";
import type { Batch } from "./session.ts";
import { Timer } from "./timer.ts";
import { TokenRenewal } from "./token-renewal.ts";

export interface SocketSettings extends Pick<Destination, "url" | "feed" | "key" | "timeout" | "inFlight"> {
  readonly Socket: SocketClass;
}

export interface SocketLineEvents {
  readonly admit: Admit;
  /** It can be used from now on. */
  readonly opened: () => void;
  readonly answered: Answered;
  /** It has ended by itself: what is under way may have been applied. `code`: as of a WebSocket, or `DONE`. */
  readonly ended: (reason: string, code: number) => void;
}

/** Bytes that have not left yet, above which what is published waits where it can still be gathered or replaced. */
const CONGESTED_BYTES = 65_536;
/**
 * Milliseconds without use after which a socket is pinged, so that routers do not forget it and a line that hangs is noticed,
 * and closed. An idle socket costs nothing, but a feed that is published to once in an hour has no use for one.
 */
const PING_MS = 20_000;
const IDLE_MS = 60_000;
/** In place of a close code: it was ended here, and nothing has failed. */
export const DONE = 0;
/** The `id` of an `auth`. Those of batches count from 1. */
const AUTH_ID = 0;

/** A socket that only publishes. */
export class SocketLine implements Line {
  readonly transport = "websocket";
  readonly #settings: SocketSettings;
  readonly #events: SocketLineEvents;
  readonly #socket: OpenSocket;
  readonly #renewal: TokenRenewal;
  /** Batches that wait for an answer, by the `id` of their message. */
  readonly #waiting = new Map<number, Batch>();
  #lastId = AUTH_ID;
  #openedAt: number | undefined;
  /** When the oldest batch was answered, or there was a first one to wait for; or it became idle. By a clock that is never set. */
  #since = performance.now();
  #answers = 0;
  #isPinged = false;
  /** It takes nothing more: what is published from now on is another principal's. */
  #isRetired = false;
  readonly #timer = new Timer();
  #isOver = false;

  /** May throw. `openTimeout`: milliseconds. */
  constructor(settings: SocketSettings, token: string | undefined, openTimeout: number, events: SocketLineEvents) {
    this.#settings = settings;
    this.#events = events;
    const url = new URL(settings.url);
    url.searchParams.set("publish", "only");
    this.#socket = openSocket(
      settings.Socket,
      { url, protocol: PROTOCOL, token },
      {
        message: (frame) => typeof frame === "string" && this.#read(frame),
        closed: (code, reason) => this.#end(`${reason || "the connection was lost"} (${code})`, code),
      },
    );
    this.#renewal = new TokenRenewal(settings, token, {
      token: (token) => this.#socket.send(JSON.stringify({ type: "auth", id: AUTH_ID, token })),
      otherPrincipal: () => {
        this.#isRetired = true;
        this.#endIfRetired();
      },
    });
    this.#timer.set(openTimeout, () => this.#look());
  }

  get inFlight(): number {
    return this.#settings.inFlight;
  }

  get isCongested(): boolean {
    return this.#isRetired || (this.#waiting.size > 0 && this.#socket.backlog() > CONGESTED_BYTES);
  }

  get isOpen(): boolean {
    return this.#openedAt !== undefined;
  }

  /** It has worked for a while: when it ends, another one is worth a try at once. */
  get isProven(): boolean {
    return this.#answers > 0 && performance.now() - (this.#openedAt ?? Infinity) > GOOD_AFTER;
  }

  send(batch: Batch): void {
    const admission = this.#events.admit(batch, this.#renewal.token);
    if ("problem" in admission) {
      const answer: Answer = { type: "refused", error: new PublishRefusedError(admission.problem) };
      queueMicrotask(() => !this.#isOver && this.#events.answered(batch, answer));
      return;
    }
    const id = ++this.#lastId;
    if (this.#waiting.size === 0) this.#noteUse(this.#settings.timeout);
    this.#waiting.set(id, batch);
    const { key } = admission;
    this.#socket.send(`{"type":"publish","id":${id},"idempotencyKey":"${key}","updates":${bodyOf(batch.calls)}}`);
  }

  close(): void {
    this.#isOver = true;
    this.#timer.clear();
    this.#renewal.stop();
    this.#socket.close();
  }

  #end(reason: string, code: number): void {
    this.close();
    this.#events.ended(reason, code);
  }

  #read(frame: string): void {
    if (frame === "pong") {
      this.#isPinged = false;
      return;
    }
    const message = parseObject(frame);
    switch (message["type"]) {
      case "hello":
        this.#openedAt = performance.now();
        this.#noteUse(PING_MS);
        this.#renewal.schedule();
        this.#events.opened();
        return;
      case "receipt":
        this.#answer(message, acceptanceOf(message, this.#settings.feed));
        return;
      case "error":
        this.#readError(message);
        return;
      case "authorized":
        this.#renewal.schedule(Number(message["expires"]) || undefined);
        return;
      case "snapshot":
        // A server that does not know sockets which only publish, nor keys in their messages.
        this.#end("the server publishes no batches of sessions over a socket", 4400);
    }
  }

  #readError(message: Members): void {
    const { id, code, message: detail, issues, retryAfter } = message;
    // The credential is not checked now. The one before stays, and there is time to try again.
    if (id === AUTH_ID) return;
    if (code === "invalid_message") this.#end(String(detail), 4400);
    else {
      const status = STATUSES.get(code) ?? 400;
      this.#answer(message, answerOf({ status, code, detail, issues, retryAfter: Number(retryAfter) * 1000 }));
    }
  }

  #answer({ id }: Members, answer: Answer): void {
    const batch = this.#waiting.get(Number(id));
    if (!batch) {
      this.#end("the server answered what was not sent", 4400);
      return;
    }
    // Answers come in order: while the oldest is missing, others do not mean that all is well.
    const [oldest] = this.#waiting.keys();
    if (id === oldest) this.#since = performance.now();
    this.#waiting.delete(Number(id));
    this.#answers++;
    if (this.#waiting.size === 0) this.#noteUse(PING_MS);
    this.#events.answered(batch, answer);
    this.#endIfRetired();
  }

  /** It was used now; looks again after so many milliseconds. */
  #noteUse(ms: number): void {
    this.#since = performance.now();
    this.#isPinged = false;
    this.#timer.set(ms, () => this.#look());
  }

  #look(): void {
    const { timeout } = this.#settings;
    const quiet = performance.now() - this.#since;
    if (!this.isOpen) this.#end("the server does not answer", 1006);
    else if (this.#waiting.size > 0) {
      if (quiet >= timeout) this.#end(`no answer within ${timeout} ms`, 1006);
      else this.#timer.set(timeout - quiet, () => this.#look());
    } else if (this.#isPinged) this.#end("the server does not answer", 1006);
    else if (quiet >= IDLE_MS) this.#end("idle", DONE);
    else {
      this.#isPinged = true;
      this.#socket.send("ping");
      this.#timer.set(PING_MS, () => this.#look());
    }
  }

  #endIfRetired(): void {
    if (this.#isRetired && this.#waiting.size === 0 && !this.#isOver) this.#end("another identity", DONE);
  }
}
