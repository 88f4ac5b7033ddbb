import type { Call } from "./call.ts";
import { MAYBE, PublishRefusedError, PublishUnknownError } from "./errors.ts";
import { sentNow, timeToRepeat } from "./repetition.ts";
import type { Batch, Session, Setback } from "./session.ts";

/** Full jitter: a wait is drawn from 0 up to a ceiling that doubles with every failure (milliseconds). */
const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 10_000;
/** The feed's answers to a batch as such. Others may come from elsewhere, or before it is read. */
const ABOUT_THE_BATCH = new Set([400, 409, 413, 422]);
const ABOUT_THE_CREDENTIAL = new Set([401, 403]);

interface RecoverySettings {
  readonly giveUpAfter: number;
  readonly inFlight: number;
  /** There is a function to ask for another key. */
  readonly asks: boolean;
}

interface RecoveryHost {
  failed(calls: readonly Call[], error: Error): void;
}

/** What to do before anything is sent again. */
export type Advice =
  | { readonly type: "goOn" }
  /** The server answered that it takes nothing of the first batch as it was. */
  | { readonly type: "answered" }
  /** Milliseconds. */
  | { readonly type: "wait"; readonly ms: number; readonly reason: string }
  /** Nothing more will be taken. */
  | { readonly type: "stop"; readonly error: PublishRefusedError };

/** What to do with batches that came back. */
export class Recovery {
  readonly #session: Session;
  readonly #settings: RecoverySettings;
  readonly #host: RecoveryHost;
  /** Failures in a row. */
  #failures = 0;
  /** A key that was refused is asked for once more. */
  #mayAskAgain = true;
  #mostUnderWay: number;

  constructor(session: Session, settings: RecoverySettings, host: RecoveryHost) {
    this.#session = session;
    this.#settings = settings;
    this.#host = host;
    this.#mostUnderWay = settings.inFlight;
  }

  /** Batches that may be under way: one after the server has taken nothing, and one more with each receipt. */
  get mostUnderWay(): number {
    return this.#mostUnderWay;
  }

  noteReceipt(): void {
    this.#failures = 0;
    this.#mayAskAgain = true;
    this.#mostUnderWay = Math.min(this.#mostUnderWay + 1, this.#settings.inFlight);
  }

  /** Nothing is under way. What the first batch came back with tells what becomes of it, and what to do. */
  settle(): Advice {
    const { head } = this.#session;
    const answer = head?.answer;
    if (!head || !answer) return { type: "goOn" };
    head.answer = undefined;
    if (answer.type === "failed") return this.#repeat(head, answer);
    return answer.type === "refused" ? this.#refused(head, answer.error) : this.#forgotten(head, answer.reason);
  }

  #repeat(head: Batch, { reason, afterMs, doubtful }: Extract<Setback, { type: "failed" }>): Advice {
    this.#mayAskAgain = true;
    if (!doubtful) this.#mostUnderWay = 1;
    const now = sentNow(undefined);
    const { started = now.time, doubt } = head;
    const left = Math.min(started + this.#settings.giveUpAfter - now.time, doubt ? timeToRepeat(doubt, now) : Infinity);
    if (left <= 0) {
      this.#drop(head, new PublishRefusedError(reason));
      return { type: "goOn" };
    }
    const ceiling = Math.min(BACKOFF_FIRST_MS * 2 ** this.#failures++, BACKOFF_MAX_MS);
    // The last attempt begins when the time is just up, and is not left out because the wait would have been longer.
    return { type: "wait", ms: Math.min(afterMs + Math.random() * ceiling, left), reason };
  }

  #refused(head: Batch, error: PublishRefusedError): Advice {
    const { asks } = this.#settings;
    const { status = 0 } = error;
    const isOfCredential = ABOUT_THE_CREDENTIAL.has(status);
    if (isOfCredential && asks && this.#mayAskAgain) {
      this.#mayAskAgain = false;
      return { type: "goOn" };
    }
    this.#mayAskAgain = true;
    if (isOfCredential && !asks) return { type: "stop", error };
    const { calls, doubt } = head;
    const middle = calls.length >> 1;
    // One caller's bad update must not fail the others' calls: each half by itself, until the bad one is alone.
    if (!doubt && middle > 0 && ABOUT_THE_BATCH.has(status)) {
      this.#session.replaceHead([calls.slice(0, middle), calls.slice(middle)]);
    } else this.#drop(head, error);
    return { type: "answered" };
  }

  /** The feed does not know the session, or less of it than it has accepted. */
  #forgotten(head: Batch, reason: string): Advice {
    // A new session's first batch is refused so by no feed that knows sessions.
    if (!head.doubt && head.number === 1)
      return this.#repeat(head, { type: "failed", reason, afterMs: 0, doubtful: false });
    if (head.doubt) this.#drop(head, new PublishRefusedError(reason));
    else this.#session.restart();
    return { type: "goOn" };
  }

  /** The first batch is not sent again; nor, if it may have been applied, those in doubt after it. */
  #drop(head: Batch, refusal: PublishRefusedError): void {
    if (head.doubt) {
      for (const { calls } of this.#session.takeDoubtful()) this.#host.failed(calls, unknownAfter(refusal));
    } else {
      this.#session.replaceHead([]);
      this.#host.failed(head.calls, refusal);
    }
  }
}

/** The error of what may have been applied, although this was answered last. */
export function unknownAfter(refusal: PublishRefusedError): PublishUnknownError {
  return new PublishUnknownError(`${MAYBE}an answer was lost; then: ${refusal.message}`);
}
