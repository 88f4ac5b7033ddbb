import CachePolicy from "http-cache-semantics";
import { request as ask } from "../../support/api.ts";

/** Milliseconds. The library reads it while it makes a policy, so that it is not a policy's own. */
let now = (): number => Date.now();

class Policy extends CachePolicy {
  now(): number {
    return now();
  }
}

interface Stored {
  policy: CachePolicy;
  readonly status: number;
  readonly body: string | null;
}

/**
 * A cache that many clients share, as RFC 9111 allows it to be: it keeps all that it may, for as long as it may, and asks
 * again before it shows what it must not show by itself. It knows GET alone, and hands on what does not end.
 */
export class SharedCache {
  /** Answers that it gave without asking. */
  hits = 0;
  readonly #stored = new Map<string, Stored[]>();

  /** `clock` is in milliseconds; one for all caches. */
  constructor(clock: () => number) {
    now = clock;
  }

  async fetch(path: string, headers: Record<string, string> = {}): Promise<Response> {
    const request = requestOf(path, headers);
    const stored = this.#stored.get(path) ?? [];
    const fresh = stored.find(({ policy }) => policy.satisfiesWithoutRevalidation(request));
    if (fresh) {
      this.hits++;
      return answer(fresh, headers["If-None-Match"]);
    }
    // A client that has a state of its own asks about that one.
    const [newest] = headers["If-None-Match"] === undefined ? stored : [];
    const tag = newest?.policy.revalidationHeaders(request)["if-none-match"];
    const response = await ask(path, {
      headers: tag === undefined ? headers : { ...headers, "If-None-Match": String(tag) },
    });
    if (newest && tag !== undefined && response.status === 304) {
      newest.policy = newest.policy.revalidatedPolicy(request, responseOf(response)).policy;
      return answer(newest, undefined);
    }
    return this.#keep(path, new Policy(request, responseOf(response), { cacheHeuristic: 0 }), response);
  }

  async #keep(path: string, policy: CachePolicy, response: Response): Promise<Response> {
    const ends = !response.headers.get("Content-Type")?.startsWith("text/event-stream");
    if (!policy.storable() || !ends) return response;
    const kept = { policy, status: response.status, body: response.body === null ? null : await response.text() };
    // The newest first: where several fit, that is the one to use.
    this.#stored.set(path, [kept, ...(this.#stored.get(path) ?? [])]);
    return answer(kept, undefined);
  }
}

function requestOf(path: string, headers: Record<string, string>): CachePolicy.HttpRequest {
  return { url: path, method: "GET", headers: Object.fromEntries(new Headers(headers)) };
}

function responseOf({ status, headers }: Response): CachePolicy.HttpResponse {
  return { status, headers: Object.fromEntries(headers) };
}

function answer({ policy, status, body }: Stored, known: string | undefined): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries(policy.responseHeaders())) headers.set(name, String(value));
  if (known !== undefined && known === headers.get("ETag")) return new Response(null, { status: 304, headers });
  return new Response(body, { status, headers });
}
