import type { NoRoom } from "../protocol/codes.ts";
import { Contention } from "./fair-queue.ts";
import type { Rate } from "./quotas.ts";
import { TokenBuckets } from "./token-bucket.ts";

/** How the thread is shared. Sizes are bytes. */
export interface PolledQueueLimits {
  /** Work that one account may have done without waiting in the queue. */
  readonly atOnce: Rate;
  /** Work begun in one millisecond. Longer work always waits in the queue. */
  readonly turn: number;
  /** Milliseconds for each byte while more than one account is active: half of them are left to others. */
  readonly pace: number;
  /** Work of one account that may go on at a time. One piece of work may, however long it is. */
  readonly inHand: number;
  /** What may wait of one account, and of all; a quarter of the latter is kept for static keys. */
  readonly perAccount: number;
  readonly size: number;
  /** Milliseconds of rest for each unit of work that was done, while more than one account is active. */
  readonly rest: number;
}

/** The part of what may wait that accounts without a static key may take together. */
const WITHOUT_KEY = 3 / 4;

/** A piece of work in the queue. */
export interface Ticket {
  readonly account: string;
  readonly size: number;
  /** When its request asks again; or, once the work has begun, when it has to be done. */
  due: number;
}

/** Of one account: those that wait, with their size, and the size of its work that goes on. */
interface AccountTickets {
  readonly tickets: Ticket[];
  size: number;
  inHand: number;
}

/** Shorter work counts as this much: it takes a ticket all the same. */
const SHORTEST = 32 * 1024;
/** Milliseconds after which a request asks again, multiplied by the number of its account's tickets before it. */
const ASK_AGAIN = 3;
const LONGEST_WAIT = 250;
/** Milliseconds between two searches for tickets whose request is gone. */
const LOOK_EVERY = 100;
/** Milliseconds that others wait for a request whose turn it is and that does not ask; and after which it counts as gone. */
const LATE = 200;
const GONE = 2_000;
/** Milliseconds that work may take before it counts as gone: its request was ended from outside. */
const LONGEST_WORK = 30_000;

/**
 * A queue for long work in which each request asks by its own timer whether its turn has come: requests to a Worker cannot
 * wake one another. Accounts take turns, and the work of each begins in the order in which it came.
 */
export class PolledQueue {
  readonly #limits: PolledQueueLimits;
  readonly #now: () => number;
  readonly #atOnce: TokenBuckets;
  /** The account whose turn is next comes first. */
  readonly #accounts = new Map<string, AccountTickets>();
  readonly #working = new Set<Ticket>();
  readonly #contention = new Contention();
  #size = 0;
  #lookAt = -Infinity;
  /** No work begins before this time. */
  #freeAt = -Infinity;
  /** Work that may still begin in the millisecond `#leftAt`. */
  #left = 0;
  #leftAt = -Infinity;

  /** `now` is in milliseconds and never goes back. */
  constructor(limits: PolledQueueLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#atOnce = new TokenBuckets(limits.atOnce);
  }

  /** Returns a ticket; undefined if the work is so little that it can be done now. */
  enter(account: string, size: number, isKey = true): Ticket | NoRoom | undefined {
    const now = this.#now();
    this.#contention.note(account, now);
    const before = this.#accounts.get(account);
    const mustWait = size > this.#limits.turn || (before?.tickets.length ?? 0) > 0;
    if (!mustWait && this.#atOnce.take(account, now, size) === 0) return undefined;
    this.#forget(now);
    const waiting = before ?? { tickets: [], size: 0, inHand: 0 };
    const ticket = { account, size: Math.max(size, SHORTEST), due: now };
    if (waiting.size + ticket.size > this.#limits.perAccount) return "rate_limited";
    if (this.#size + ticket.size > this.#limits.size * (isKey ? 1 : WITHOUT_KEY)) return "overloaded";
    waiting.tickets.push(ticket);
    waiting.size += ticket.size;
    this.#size += ticket.size;
    this.#accounts.set(account, waiting);
    return ticket;
  }

  /** Milliseconds after which the request has to ask again; 0 if its work begins now. */
  wait(ticket: Ticket): number {
    const now = this.#now();
    const wait = this.#waitAt(ticket, now);
    if (wait === 0) this.#begin(ticket, now);
    else ticket.due = now + wait;
    return wait;
  }

  /** Notes that so much work was done in one go, and returns the milliseconds of rest before the next. */
  rest(work: number): number {
    const now = this.#now();
    if (!this.#contention.isThere(now)) return 0;
    this.#freeAt = Math.max(this.#freeAt, now) + work * this.#limits.rest;
    return this.#freeAt - now;
  }

  /** To be called when work that has begun is done. */
  leave(ticket: Ticket): void {
    if (!this.#working.delete(ticket)) return;
    const waiting = this.#accounts.get(ticket.account);
    if (!waiting) return;
    waiting.inHand -= ticket.size;
    this.#tidy(ticket.account, waiting);
  }

  #waitAt(ticket: Ticket, now: number): number {
    this.#forget(now);
    const own = this.#accounts.get(ticket.account);
    const ahead = own?.tickets.indexOf(ticket) ?? -1;
    // It counted as gone, and asks all the same. Others have passed it: it may begin.
    if (!own || ahead === -1) return 0;
    if (ahead > 0) return this.#waitBehind(own.tickets, ahead, now);
    if (now < this.#freeAt) return this.#freeAt - now;
    if (now === this.#leftAt && this.#left <= 0) return 1;
    if (!this.#hasHandsFree(own)) return ASK_AGAIN;
    for (const [account, waiting] of this.#accounts) {
      if (account === ticket.account) return 0;
      if (this.#mayBegin(waiting, now)) return 1;
    }
    return 0;
  }

  /** About as long as the tickets before it take: less while nobody else has to be left time. */
  #waitBehind(tickets: readonly Ticket[], ahead: number, now: number): number {
    if (this.#contention.isThere(now)) return Math.min(ahead * ASK_AGAIN, LONGEST_WAIT);
    let size = 0;
    for (let i = 0; i < ahead; i++) size += tickets[i]?.size ?? 0;
    return Math.min(Math.max(1, size / this.#limits.turn), LONGEST_WAIT);
  }

  /** Whether the first ticket of an account has its turn before the accounts behind it. */
  #mayBegin(waiting: AccountTickets, now: number): boolean {
    const [first] = waiting.tickets;
    return first !== undefined && now <= first.due + LATE && this.#hasHandsFree(waiting);
  }

  #hasHandsFree({ tickets: [first], inHand }: AccountTickets): boolean {
    return inHand === 0 || inHand + (first?.size ?? 0) <= this.#limits.inHand;
  }

  #begin(ticket: Ticket, now: number): void {
    const { turn, pace } = this.#limits;
    if (now !== this.#leftAt) {
      this.#leftAt = now;
      this.#left = turn;
    }
    this.#left -= ticket.size;
    if (this.#contention.isThere(now)) this.#freeAt = now + ticket.size * pace;
    ticket.due = now + LONGEST_WORK;
    this.#working.add(ticket);
    const waiting = this.#accounts.get(ticket.account) ?? { tickets: [], size: 0, inHand: 0 };
    this.#remove(ticket, waiting);
    waiting.inHand += ticket.size;
    // Now it is behind the others.
    this.#accounts.delete(ticket.account);
    this.#accounts.set(ticket.account, waiting);
  }

  #remove(ticket: Ticket, waiting: AccountTickets): void {
    const at = waiting.tickets.indexOf(ticket);
    if (at === -1) return;
    waiting.tickets.splice(at, 1);
    waiting.size -= ticket.size;
    this.#size -= ticket.size;
  }

  #tidy(account: string, { tickets, inHand }: AccountTickets): void {
    if (tickets.length === 0 && inHand === 0) this.#accounts.delete(account);
  }

  /** Forgets tickets whose requests have ended without a word. */
  #forget(now: number): void {
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK_EVERY;
    for (const ticket of this.#working) if (ticket.due < now) this.leave(ticket);
    for (const [account, waiting] of this.#accounts) {
      for (const ticket of waiting.tickets.filter(({ due }) => due + GONE < now)) this.#remove(ticket, waiting);
      this.#tidy(account, waiting);
    }
  }
}
