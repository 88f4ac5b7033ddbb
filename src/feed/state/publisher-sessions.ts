import { LIMITS, SERVER_LIMITS } from "../../protocol/limits.ts";
import type { Receipt } from "../../protocol/server-messages.ts";
import type { SessionNumber } from "../../protocol/session-key.ts";
import { PublisherSession, type RememberedNumber, type SessionOwner } from "./publisher-session.ts";

/**
 * What a number is to its session. `next`: it may be accepted; `isSure` if no other version can have done so. `old`: it was
 * accepted, and how is not known here. `gap`: one before it was not accepted. `unknown`: so is the session.
 */
export type NumberState =
  | { kind: "next"; isSure: boolean }
  | { kind: "mismatch" | "old" | "gap" | "unknown" }
  | { kind: "repeat"; receipt: Receipt };

/**
 * The sessions of a feed's publishers: for each a small record, however many batches it publishes. Each takes its numbers
 * strictly in order, so that publishes under way cannot overtake one that is refused.
 */
export class PublisherSessions {
  readonly #most: number;
  /** By principal and id. The one that was used last comes last. */
  readonly #sessions = new Map<string, PublisherSession>();
  readonly #bytesOf = new Map<string, number>();
  #bytes = 0;
  /** Counts changes, so that what is stored is known to be current. */
  #changes = 0;

  /** `most`: bytes that they may take. */
  constructor(most: number = SERVER_LIMITS.sessionBytes) {
    this.#most = most;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Bytes of memory that they take. */
  get bytes(): number {
    return this.#bytes;
  }

  get changes(): number {
    return this.#changes;
  }

  /** Whether a session is known, from its second number on. */
  has(principal: string, id: string, now: number): boolean {
    return this.#current(principal, id, now) !== undefined;
  }

  look(principal: string, { session: id, number }: SessionNumber, content: number, now: number): NumberState {
    const session = this.#current(principal, id, now);
    if (!session) return { kind: "unknown" };
    if (number > session.last + 1) return { kind: "gap" };
    if (number > session.last) return { kind: "next", isSure: session.isLive };
    const known = session.recall(number);
    if (!known) return { kind: "old" };
    return known.content === content ? { kind: "repeat", receipt: known.receipt } : { kind: "mismatch" };
  }

  /** Milliseconds until there is room for the next number of a session. A credential may have as much as it leaves to others. */
  waitForRoom({ principal, credential, id }: SessionOwner, now: number): number {
    this.#forget(now);
    const session = this.#current(principal, id, now);
    const needed = session ? session.growth : new PublisherSession({ principal, credential, id }).bytes;
    if (needed === 0) return 0;
    const own = this.#bytesOf.get(session?.owner.credential ?? credential) ?? 0;
    if (own + needed <= this.#most - this.#bytes) return 0;
    const [oldest] = this.#sessions.values();
    return oldest ? Math.max(1, oldest.usedAt + LIMITS.idempotencyWindow - now) : 0;
  }

  /** Notes that a number was accepted. */
  accept(owner: SessionOwner, number: number, remembered: RememberedNumber, at: number): void {
    this.#add(owner, number, remembered, at).isLive = true;
  }

  #add(owner: SessionOwner, number: number, remembered: RememberedNumber, at: number): PublisherSession {
    const key = keyOf(owner.principal, owner.id);
    const before = this.#sessions.get(key);
    // One that was idle for too long begins anew.
    const session = before && isCurrent(before, at) ? before : new PublisherSession(owner);
    if (before) this.#remove(key, before);
    session.add(number, remembered, at);
    this.#put(key, session);
    return session;
  }

  /** Restores a number that was accepted, unless the session is further already. */
  restore(owner: SessionOwner, number: number, remembered: RememberedNumber, at: number): void {
    const known = this.#sessions.get(keyOf(owner.principal, owner.id));
    if (!known || known.last < number || !isCurrent(known, at)) this.#add(owner, number, remembered, at);
  }

  /** Restores a session as `lines` wrote it, unless there is a newer state of it. */
  restoreLine(line: string): void {
    const session = PublisherSession.decode(line);
    const key = keyOf(session.owner.principal, session.owner.id);
    const known = this.#sessions.get(key);
    if (known && known.usedAt >= session.usedAt && known.last >= session.last) return;
    if (known) this.#remove(key, known);
    this.#put(key, session);
  }

  /** A line for each session that still counts, as it is when the line is taken. */
  *lines(now: number): Generator<string> {
    this.#forget(now);
    // Sessions that are used between two lines move to the end, where they would come again and again.
    const sessions = Array.from(this.#sessions.values());
    for (const session of sessions) yield session.encode();
  }

  #current(principal: string, id: string, now: number): PublisherSession | undefined {
    const session = this.#sessions.get(keyOf(principal, id));
    return session && isCurrent(session, now) ? session : undefined;
  }

  #put(key: string, session: PublisherSession): void {
    this.#sessions.set(key, session);
    this.#count(session, 1);
  }

  #remove(key: string, session: PublisherSession): void {
    this.#sessions.delete(key);
    this.#count(session, -1);
  }

  #count({ owner, bytes }: PublisherSession, by: 1 | -1): void {
    this.#changes++;
    this.#bytes += by * bytes;
    const own = (this.#bytesOf.get(owner.credential) ?? 0) + by * bytes;
    if (own > 0) this.#bytesOf.set(owner.credential, own);
    else this.#bytesOf.delete(owner.credential);
  }

  #forget(now: number): void {
    for (const [key, session] of this.#sessions) {
      if (isCurrent(session, now)) break;
      this.#remove(key, session);
    }
  }
}

function isCurrent({ usedAt }: PublisherSession, now: number): boolean {
  return usedAt + LIMITS.idempotencyWindow > now;
}

function keyOf(principal: string, id: string): string {
  return `${principal}\n${id}`;
}
