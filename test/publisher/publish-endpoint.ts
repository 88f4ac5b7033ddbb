import { gunzipSync } from "node:zlib";
import { IDEMPOTENCY_WINDOW } from "../../src/protocol/limits.ts";
import type { Update } from "../../src/publisher/index.ts";

/** One request as the server saw it. */
export interface Seen {
  at: number;
  url: string;
  key: string;
  body: string;
  authorization: string | null;
  encoding: string | null;
}

/** What happens to one request: it is answered, or fails in one of the ways in which servers fail. */
export type Fate =
  | "accept"
  /** Never reaches the server. */
  | "lost"
  /** Applied, but the answer is lost. */
  | "receipt lost"
  /** Never reaches the server, and no answer comes before the publisher's timeout. */
  | "hang"
  /** Applied, and nothing comes back. */
  | "receipt hangs"
  /** The port is closed. */
  | "refused connection"
  /** No answer comes in time, and the request arrives so many milliseconds after it was sent. */
  | { late: number }
  /** The answer of a server that lost its feed in between: after the request was applied, or before. */
  | { unknown: "applied" | "not applied" }
  | { status: number; headers?: Record<string, string>; body?: Record<string, unknown> | string };

/**
 * A feed behind `fetch`, with the contract's idempotency: a key seen before gets the first receipt, and changes nothing.
 * Each subject's keys are its own.
 * A batch with an update of a key that begins with `bad` is refused as a whole.
 */
export class PublishEndpoint {
  readonly seen: Seen[] = [];
  /** Every update applied, in order. */
  readonly applied: Update[] = [];
  epoch = "first";
  inFlight = 0;
  mostInFlight = 0;
  readonly #receipts = new Map<string, { at: number; body: string; receipt: string }>();
  readonly #fate: (index: number) => Fate;

  constructor(fate: (index: number) => Fate) {
    this.#fate = fate;
  }

  readonly fetch: typeof globalThis.fetch = async (url, init) => {
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    try {
      // As over a network, other things happen before the answer comes.
      await Promise.resolve();
      return await this.#answer(new Request(url, { method: "POST" }).url, init);
    } finally {
      this.inFlight--;
    }
  };

  async #answer(url: string, init: RequestInit | undefined): Promise<Response> {
    const headers = new Headers(init?.headers);
    const encoding = headers.get("content-encoding");
    const body =
      init?.body instanceof Uint8Array
        ? gunzipSync(init.body).toString()
        : typeof init?.body === "string"
          ? init.body
          : "";
    const key = headers.get("idempotency-key") ?? "";
    const fate = this.#fate(this.seen.length);
    this.seen.push({ at: Date.now(), url, key, body, authorization: headers.get("authorization"), encoding });
    if (fate === "lost") throw networkError("ECONNRESET");
    if (fate === "refused connection") throw networkError("ECONNREFUSED");
    if (fate === "hang") return hang(init?.signal);
    const principal = principalOf(headers.get("authorization"));
    if (typeof fate === "object" && "late" in fate) {
      setTimeout(() => this.#publish(principal, key, body), fate.late);
      return hang(init?.signal);
    }
    if (typeof fate === "object" && "unknown" in fate) {
      if (fate.unknown === "applied") this.#publish(principal, key, body);
      return Response.json({ code: "outcome_unknown" }, { status: 502, headers: { "retry-after": "1" } });
    }
    if (typeof fate === "object") {
      // The result of following a redirect: a page, got by GET.
      if (fate.headers?.["location"] && init?.redirect !== "manual") return Response.json({ epoch: "of a page" });
      const text = typeof fate.body === "string" ? fate.body : JSON.stringify(fate.body ?? {});
      return new Response(text, { status: fate.status, headers: fate.headers ?? {} });
    }
    const answer = this.#publish(principal, key, body);
    if (fate === "receipt lost") throw networkError("ECONNRESET");
    return fate === "receipt hangs" ? hang(init?.signal) : answer;
  }

  #publish(principal: string, key: string, body: string): Response {
    const now = Date.now();
    const earlier = this.#receipts.get(`${principal} ${key}`);
    if (earlier && now - earlier.at < IDEMPOTENCY_WINDOW) {
      if (earlier.body === body) return new Response(earlier.receipt, { headers: { "idempotency-replayed": "true" } });
      return Response.json({ code: "idempotency_mismatch", detail: "another body" }, { status: 422 });
    }
    const updates: Update[] = JSON.parse(body);
    const issues = updates.flatMap(({ key }, index) =>
      key.startsWith("bad") ? [{ index, path: "key", message: "is bad" }] : [],
    );
    if (issues.length > 0) {
      return Response.json({ code: "invalid_update", detail: "No update was accepted.", issues }, { status: 422 });
    }
    this.applied.push(...updates);
    const receipt = JSON.stringify({
      feed: "stocks",
      epoch: this.epoch,
      seq: this.applied.length,
      accepted: updates.length,
      stale: 0,
    });
    this.#receipts.set(`${principal} ${key}`, { at: now, body, receipt });
    return new Response(receipt);
  }
}

function hang(signal: AbortSignal | null | undefined): Promise<Response> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
}

function networkError(code: string): Error {
  return new TypeError("fetch failed", { cause: Object.assign(new Error(`connect ${code}`), { code }) });
}

/** The principal that idempotency keys belong to: a token's subject, this very token, or all static keys. */
function principalOf(authorization: string | null): string {
  const [, payload] = /^Bearer .*\.(.*)\./.exec(authorization ?? "") ?? [];
  if (payload === undefined) return "static";
  const { sub }: { sub?: string } = JSON.parse(atob(payload));
  return sub ?? payload;
}
