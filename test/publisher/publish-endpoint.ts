import { gunzipSync } from "node:zlib";
import type { Update } from "../../src/publisher/index.ts";
import { ModelFeed, principalOf } from "./model-feed.ts";

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

/** A feed behind `fetch`. */
export class PublishEndpoint {
  readonly feed: ModelFeed;
  readonly seen: Seen[] = [];
  inFlight = 0;
  mostInFlight = 0;
  readonly #fate: (index: number) => Fate;

  constructor(fate: (index: number) => Fate, feed = new ModelFeed()) {
    this.#fate = fate;
    this.feed = feed;
  }

  /** Every update applied, in order. */
  get applied(): Update[] {
    return this.feed.applied;
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
    const principal = principalOf(headers.get("authorization")?.replace("Bearer ", ""));
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
    const answer = this.feed.publish(principal, key, JSON.parse(body));
    if (!("receipt" in answer)) return Response.json(answer, { status: answer.status });
    const headers = answer.replayed ? { "idempotency-replayed": "true" } : undefined;
    return Response.json(answer.receipt, headers && { headers });
  }
}

function hang(signal: AbortSignal | null | undefined): Promise<Response> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
}

function networkError(code: string): Error {
  return new TypeError("fetch failed", { cause: Object.assign(new Error(`connect ${code}`), { code }) });
}
