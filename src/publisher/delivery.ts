import type { Answer } from "./answer.ts";
import type { Call } from "./call.ts";
import { PublishRefusedError } from "./errors.ts";
import type { Destination } from "./destination.ts";
import type { Line } from "./line.ts";
import { postLine } from "./over-http.ts";
import type { Capacity } from "./queue.ts";
import { Recovery, unknownAfter } from "./recovery.ts";
import { sentNow } from "./repetition.ts";
import { Session, type Batch, type Setback } from "./session.ts";
import { DONE } from "./over-socket.ts";
import { SocketDialer, type Loss } from "./socket-dialer.ts";
import { Timer } from "./timer.ts";
import type { Receipt, Transport } from "./types.ts";

/** Where calls come from, and what becomes of them. */
export interface DeliveryHost {
  readonly isWaiting: () => boolean;
  /** Takes calls that wait, oldest first. */
  take(capacity: Capacity): readonly Call[];
  accepted(calls: readonly Call[], receipt: Receipt): void;
  failed(calls: readonly Call[], error: Error): void;
  delivering(transport: Transport): void;
  away(reason: string, retryAt: number): void;
  /** The server refuses the credential: nothing more will be delivered. */
  stopped(error: PublishRefusedError): void;
}

/** Bytes under way, above which no other batch is sent: the server lets 3 MiB of one publisher wait. */
const BYTES_UNDER_WAY = 2 * 1024 * 1024;
/** Milliseconds: a publisher that publishes again so soon gets a socket. One that seldom does needs none. */
const SOON_MS = 60_000;
const CREDENTIAL_CODES = new Map([
  [4401, "unauthorized"],
  [4403, "forbidden"],
]);

/**
 * Sends batches, over a socket or by POST, until each has an answer that would not change. As soon as one comes back without
 * a receipt, nothing more is sent until all that are under way have come back. Then the first of them tells what to do, and
 * all are sent again from there on.
 */
export class Delivery {
  readonly #destination: Destination;
  readonly #host: DeliveryHost;
  readonly #session = new Session();
  readonly #recovery: Recovery;
  readonly #posts: Line | undefined;
  readonly #sockets: SocketDialer | undefined;
  /** All that is under way is under way on this one. */
  #line: Line | undefined;
  /** A batch has come back: see above. */
  #isHalted = false;
  readonly #pause = new Timer();
  /** The last POST failed. */
  #postsFail = false;
  /** When the last receipt came (milliseconds since 1970). */
  #receiptAt = 0;
  #isAwake = false;
  #isOver = false;

  constructor(destination: Destination, host: DeliveryHost) {
    const { Socket, posts, key, inFlight, giveUpAfter } = destination;
    this.#destination = destination;
    this.#host = host;
    this.#recovery = new Recovery(this.#session, { giveUpAfter, inFlight, asks: typeof key === "function" }, host);
    const admit = (batch: Batch, key: string | undefined) => this.#session.admit(batch, sentNow(key));
    const answered = (batch: Batch, answer: Answer): void => this.#onAnswer(batch, answer);
    if (posts) this.#posts = postLine(destination, admit, answered);
    if (Socket) {
      this.#sockets = new SocketDialer({ ...destination, Socket }, !posts, {
        admit,
        answered,
        opened: () => this.#go(),
        lost: (loss) => this.#onLost(loss),
      });
    }
  }

  /** Calls that were taken and have neither a receipt nor an error, in order. */
  get calls(): readonly Call[] {
    return this.#session.batches.flatMap(({ calls }) => calls);
  }

  /** Updates in them. */
  get updates(): number {
    return this.#session.updates;
  }

  /** There may be more to do. Begins a moment later, so that what is published in one go goes out together. */
  wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    queueMicrotask(() => {
      this.#isAwake = false;
      this.#go();
    });
  }

  /** Sends nothing more. Returns what was not finished, and whether it may have been applied. */
  end(): readonly { readonly calls: readonly Call[]; readonly isDoubtful: boolean }[] {
    this.#isOver = true;
    this.#pause.clear();
    this.#posts?.close();
    this.#sockets?.close();
    return this.#session.takeAll().map(({ calls, doubt, isUnderWay, sent }) => ({
      calls,
      isDoubtful: doubt !== undefined || (isUnderWay && sent !== undefined),
    }));
  }

  #go(): void {
    if (this.#isHalted && this.#session.underWay === 0) this.#settle();
    while (!this.#isOver && !this.#isHalted && !this.#pause.isSet) {
      if (!this.#session.unsent && !this.#host.isWaiting()) return;
      this.#dial();
      const line = this.#chooseLine();
      if (!line || !this.#hasRoom(line)) return;
      const batch = this.#session.unsent ?? this.#take();
      if (!batch) return;
      this.#session.begin(batch, Date.now());
      line.send(batch);
    }
  }

  /** Opens a socket if one is of use. */
  #dial(): void {
    const isBusy = this.#session.underWay > 0 || Date.now() - this.#receiptAt < SOON_MS;
    if (!this.#posts || isBusy) this.#sockets?.dial();
  }

  /**
   * A socket if there is one. Until it is open, POSTs: nothing has to wait for it. One way is left for the other when nothing
   * is under way, else what is sent later might overtake, and be refused.
   */
  #chooseLine(): Line | undefined {
    const best = this.#sockets?.line ?? this.#posts;
    if (this.#session.underWay === 0) this.#line = best;
    return this.#line === best ? best : undefined;
  }

  #hasRoom({ inFlight, isCongested }: Line): boolean {
    const { underWay, bytesUnderWay } = this.#session;
    return (
      !isCongested && underWay < Math.min(inFlight, this.#recovery.mostUnderWay) && bytesUnderWay < BYTES_UNDER_WAY
    );
  }

  #take(): Batch | undefined {
    const { capacity, updatesUnderWay } = this.#destination;
    const updates = Math.min(capacity.updates, updatesUnderWay - this.#session.updates);
    if (updates <= 0) return undefined;
    const calls = this.#host.take({ ...capacity, updates });
    return calls.length > 0 ? this.#session.add(calls) : undefined;
  }

  #onAnswer(batch: Batch, answer: Answer): void {
    if (answer.type === "accepted") {
      this.#session.accepted(batch, { ...sentNow(undefined), principal: batch.sent?.principal ?? "" });
      this.#recovery.noteReceipt();
      this.#receiptAt = Date.now();
      if (this.#postsFail) this.#sockets?.forgive();
      this.#postsFail = false;
      this.#delivering();
      this.#host.accepted(batch.calls, answer.receipt);
    } else {
      this.#session.cameBack(batch, answer);
      this.#isHalted = true;
      this.#postsFail = answer.type === "failed" && this.#line === this.#posts;
    }
    this.#go();
  }

  #onLost({ line, reason, code, afterMs }: Loss): void {
    const named = CREDENTIAL_CODES.get(code);
    if (named && typeof this.#destination.key !== "function") {
      this.#stop(new PublishRefusedError(reason, code - 4000, named));
      return;
    }
    // A POST may get through at once.
    const setback: Setback = { type: "failed", reason, afterMs: this.#posts ? 0 : afterMs, doubtful: true };
    if (line && line === this.#line) {
      for (const batch of this.#session.batches) {
        if (!batch.isUnderWay) continue;
        this.#session.cameBack(batch, setback);
        this.#isHalted = true;
      }
    } else if (!this.#posts && code !== DONE && !this.#pause.isSet) this.#notReached(setback);
    this.#go();
  }

  /** There is no way to the server: as if the first batch had been sent and not been taken. */
  #notReached(setback: Setback): void {
    const head = this.#session.head ?? this.#take();
    if (!head) return;
    this.#session.begin(head, Date.now());
    this.#session.cameBack(head, setback);
    this.#isHalted = true;
  }

  #settle(): void {
    this.#isHalted = false;
    const advice = this.#recovery.settle();
    if (advice.type === "answered") this.#delivering();
    else if (advice.type === "stop") this.#stop(advice.error);
    else if (advice.type === "wait") {
      this.#pause.set(advice.ms, () => this.#go());
      this.#host.away(advice.reason, Date.now() + advice.ms);
    }
  }

  #delivering(): void {
    if (this.#line) this.#host.delivering(this.#line.transport);
  }

  #stop(error: PublishRefusedError): void {
    for (const { calls, isDoubtful } of this.end()) this.#host.failed(calls, isDoubtful ? unknownAfter(error) : error);
    this.#host.stopped(error);
  }
}
