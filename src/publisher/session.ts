import { formatSessionKey } from "../protocol/session-key.ts";
import type { Answer } from "./answer.ts";
import type { Call } from "./call.ts";
import { isOfUse, whyNoRepetition, type SentRequest } from "./repetition.ts";

/** Calls that are sent together, under one number of a session. Only the session changes it. */
export interface Batch {
  readonly calls: readonly Call[];
  readonly updates: number;
  readonly bytes: number;
  number: number;
  isUnderWay: boolean;
  /** When it was first tried, in milliseconds since 1970. */
  started: number | undefined;
  /** When it was last sent. */
  sent: SentRequest | undefined;
  /** When it was first sent and may have been applied, or may yet arrive, although no receipt has come. */
  doubt: SentRequest | undefined;
  /** Why it came back when it was last sent. */
  answer: Setback | undefined;
}

/** What a batch comes back with. */
export type Setback = Exclude<Answer, { type: "accepted" }>;

/**
 * What is being published: batches without a receipt, in order, and their numbers. The feed takes the numbers of a session
 * strictly in order: what follows on a number that it refused, it refuses too. So nothing overtakes. And nothing is applied
 * twice: a batch in doubt keeps its number; and once a number that is not in doubt is never sent again, none after it can be
 * applied any more, so that they may get numbers of a new session.
 */
export class Session {
  #id = newSession();
  #next = 1;
  /** When it was last used, and by whom. */
  #used: SentRequest | undefined;
  #batches: Batch[] = [];
  #underWay = 0;
  #bytes = 0;

  get batches(): readonly Batch[] {
    return this.#batches;
  }

  get head(): Batch | undefined {
    return this.#batches[0];
  }

  /** How many batches are sent and have neither a receipt nor come back; and their bytes. */
  get underWay(): number {
    return this.#underWay;
  }

  get bytesUnderWay(): number {
    return this.#bytes;
  }

  /** Updates in all batches. */
  get updates(): number {
    return this.#batches.reduce((sum, { updates }) => sum + updates, 0);
  }

  /** The next one to send, of those that were taken. */
  get unsent(): Batch | undefined {
    return this.#batches.find(({ isUnderWay }) => !isUnderWay);
  }

  add(calls: readonly Call[]): Batch {
    const batch = newBatch(calls, this.#next++);
    this.#batches.push(batch);
    return batch;
  }

  begin(batch: Batch, now: number): void {
    batch.isUnderWay = true;
    batch.started ??= now;
    batch.sent = undefined;
    this.#underWay++;
    this.#bytes += batch.bytes;
  }

  /** The key to send a batch with now; or why it must not be sent, since it might be applied twice. */
  admit(batch: Batch, now: SentRequest): { readonly key: string } | { readonly problem: string } {
    const problem = batch.doubt && whyNoRepetition(batch.doubt, now);
    if (problem) return { problem };
    if (batch === this.head && !batch.doubt && this.#used && !isOfUse(this.#used, now)) this.restart();
    this.#used ??= now;
    batch.sent = now;
    return { key: formatSessionKey({ session: this.#id, number: batch.number }) };
  }

  accepted(batch: Batch, now: SentRequest): void {
    this.#end(batch);
    // The feed may have accepted it when it was first sent, and counts the session as used then.
    this.#used = batch.doubt ?? now;
    this.#batches.splice(this.#batches.indexOf(batch), 1);
  }

  /** A batch has come back. It stays, and is sent again unless it is taken out. */
  cameBack(batch: Batch, answer: Setback): void {
    this.#end(batch);
    batch.answer = answer;
    if (answer.type === "failed" && answer.doubtful) batch.doubt ??= batch.sent;
  }

  /** These take the place of the first batch, which is not in doubt and will not be sent again. */
  replaceHead(parts: readonly (readonly Call[])[]): void {
    const number = this.head?.number ?? this.#next;
    const rest = this.#batches.slice(1);
    this.#batches = [...parts.map((calls) => newBatch(calls, 0)), ...rest];
    if (rest.some(({ doubt }) => doubt)) this.restart();
    else this.#renumber(number);
  }

  /** Takes out all that is in doubt, the first one included. What is left is known not to be applied. */
  takeDoubtful(): readonly Batch[] {
    const doubtful = this.#batches.filter(({ doubt }) => doubt);
    this.#batches = this.#batches.filter(({ doubt }) => !doubt);
    this.restart();
    return doubtful;
  }

  takeAll(): readonly Batch[] {
    return this.#batches.splice(0);
  }

  /** Begins a new session with all that waits. The first one must not be in doubt: then the others are not either. */
  restart(): void {
    this.#id = newSession();
    this.#used = undefined;
    for (const batch of this.#batches) batch.doubt = undefined;
    this.#renumber(1);
  }

  #renumber(first: number): void {
    this.#next = first;
    for (const batch of this.#batches) batch.number = this.#next++;
  }

  #end(batch: Batch): void {
    batch.isUnderWay = false;
    this.#underWay--;
    this.#bytes -= batch.bytes;
  }
}

function newBatch(calls: readonly Call[], number: number): Batch {
  const bytes = calls.reduce((sum, call) => sum + call.bytes + 1, 1);
  return {
    calls,
    updates: calls.reduce((sum, call) => sum + call.count, 0),
    bytes,
    number,
    isUnderWay: false,
    started: undefined,
    sent: undefined,
    doubt: undefined,
    answer: undefined,
  };
}

/** 132 random bits. Not `randomUUID`, which a page served over plain http does not have. */
function newSession(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(22)), (byte) => BASE64URL[byte & 63]).join("");
}

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
