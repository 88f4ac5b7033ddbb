import type { Fields, Update } from "../../src/demo/update.ts";

/** One request as the server saw it. */
export interface Seen {
  at: number;
  key: string;
  body: string;
  authorization: string | null;
}

/** What becomes of one request: answered in order, or one of the ways in which a server fails. */
export type Fate =
  | "accept"
  /** Never reaches the server. */
  | "lost"
  /** Applied, but the answer is lost. */
  | "receipt lost"
  | { status: number; headers?: Record<string, string>; body?: Record<string, unknown> };

/** A feed behind `fetch`, with the contract's idempotency: a key seen before gets the first receipt, and changes nothing. */
export class FakeServer {
  readonly seen: Seen[] = [];
  /** Every update applied, in order. */
  readonly applied: Update[] = [];
  readonly entries = new Map<string, Fields>();
  epoch = "first";
  inFlight = 0;
  mostInFlight = 0;
  readonly #receipts = new Map<string, { body: string; receipt: string }>();
  readonly #fate: (index: number) => Fate;
  readonly #now: () => number;

  constructor(fate: (index: number) => Fate, now: () => number) {
    this.#fate = fate;
    this.#now = now;
  }

  readonly fetch: typeof globalThis.fetch = async (_url, init) => {
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    // As over a network, other things happen before the answer is there.
    await Promise.resolve();
    this.inFlight--;
    const headers = new Headers(init?.headers);
    const body = typeof init?.body === "string" ? init.body : "";
    const key = headers.get("idempotency-key") ?? "";
    const fate = this.#fate(this.seen.length);
    this.seen.push({ at: this.#now(), key, body, authorization: headers.get("authorization") });
    if (fate === "lost") throw networkError();
    if (typeof fate === "object") {
      // What following a redirect comes to: a page, got by GET.
      if (fate.headers?.["location"] && init?.redirect !== "manual") return Response.json({ epoch: "of a page" });
      return Response.json(fate.body ?? {}, { status: fate.status, headers: fate.headers ?? {} });
    }
    const receipt = this.#publish(key, body);
    if (fate === "receipt lost") throw networkError();
    return receipt;
  };

  #publish(key: string, body: string): Response {
    const earlier = this.#receipts.get(key);
    if (earlier && earlier.body !== body) {
      return Response.json({ code: "idempotency_mismatch", detail: "another body" }, { status: 422 });
    }
    if (earlier) return new Response(earlier.receipt, { headers: { "idempotency-replayed": "true" } });
    const updates: Update[] = JSON.parse(body);
    for (const update of updates) applyTo(this.entries, update);
    this.applied.push(...updates);
    const receipt = JSON.stringify({
      feed: "stocks",
      epoch: this.epoch,
      seq: this.applied.length,
      accepted: updates.length,
      stale: 0,
    });
    this.#receipts.set(key, { body, receipt });
    return new Response(receipt);
  }
}

/** What a feed does with one update: written anew here, for it is what the publisher's own merging is measured by. */
export function applyTo(entries: Map<string, Fields>, update: Update): void {
  if ("set" in update) entries.set(update.key, { ...update.set });
  else if ("patch" in update) {
    const fields = new Map(Object.entries(entries.get(update.key) ?? {}));
    for (const [name, value] of Object.entries(update.patch)) {
      if (value === null) fields.delete(name);
      else fields.set(name, value);
    }
    entries.set(update.key, Object.fromEntries(fields));
  } else entries.delete(update.key);
}

function networkError(): Error {
  return new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") });
}
