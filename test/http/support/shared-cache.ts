import { request as ask } from "../../support/api.ts";

interface Stored {
  /** What the request said in the headers that the answer varies by. */
  readonly varying: readonly [name: string, value: string | null][];
  readonly status: number;
  readonly body: string | null;
  headers: Headers;
  /** When it came, or was last found to be the same; milliseconds. */
  at: number;
}

/**
 * A cache that many share, as RFC 9111 allows one to be: it keeps whatever it may, for as long as it may, and asks again
 * before it shows what it must not show by itself. It knows GET alone, and hands on what does not end.
 */
export class SharedCache {
  /** Answers that it gave without asking. */
  hits = 0;
  readonly #now: () => number;
  readonly #stored = new Map<string, Stored[]>();

  constructor(now: () => number) {
    this.#now = now;
  }

  async fetch(path: string, headers: Record<string, string> = {}): Promise<Response> {
    const request = new Headers(headers);
    const kept = this.#stored
      .get(path)
      ?.find(({ varying }) => varying.every(([name, value]) => request.get(name) === value));
    if (kept && this.#now() - kept.at < lifetime(kept.headers)) {
      this.hits++;
      return answer(kept, request.get("If-None-Match"));
    }
    const tag = kept?.headers.get("ETag");
    // Whoever has a state of its own is asked about that one.
    const confirms = typeof tag === "string" && !request.has("If-None-Match");
    const response = await ask(path, { headers: confirms ? { ...headers, "If-None-Match": tag } : headers });
    if (kept && confirms && response.status === 304) {
      for (const [name, value] of response.headers) kept.headers.set(name, value);
      kept.at = this.#now();
      return answer(kept, null);
    }
    return mayKeep(request, response) ? this.#keep(path, request, response) : response;
  }

  async #keep(path: string, request: Headers, response: Response): Promise<Response> {
    const names = (response.headers.get("Vary") ?? "").split(",").map((name) => name.trim());
    const varying = names.filter((name) => name !== "").map((name) => [name, request.get(name)] as const);
    const { status, headers } = response;
    const kept: Stored = {
      varying: varying.map(([name, value]) => [name, value]),
      status,
      body: response.body === null ? null : await response.text(),
      headers: new Headers(headers),
      at: this.#now(),
    };
    // The newest first: where several fit, that is the one to use.
    this.#stored.set(path, [kept, ...(this.#stored.get(path) ?? [])]);
    return answer(kept, null);
  }
}

function answer({ status, headers, body }: Stored, known: string | null): Response {
  if (known !== null && known === headers.get("ETag")) return new Response(null, { status: 304, headers });
  return new Response(body, { status, headers });
}

/** RFC 9111, section 3. */
function mayKeep(request: Headers, { status, headers }: Response): boolean {
  const rules = directives(headers);
  if (rules.has("no-store") || rules.has("private") || headers.get("Vary")?.includes("*")) return false;
  if (headers.get("Content-Type")?.startsWith("text/event-stream")) return false;
  const isForAll = rules.has("public") || rules.has("s-maxage") || rules.has("must-revalidate");
  if (request.has("Authorization") && !isForAll) return false;
  return [200, 203, 204, 404, 410].includes(status);
}

/** Milliseconds for which it is shown without asking. Nothing is guessed. */
function lifetime(headers: Headers): number {
  const rules = directives(headers);
  if (rules.has("no-cache")) return 0;
  return Number(rules.get("s-maxage") ?? rules.get("max-age") ?? 0) * 1000;
}

function directives(headers: Headers): Map<string, string> {
  const rules = (headers.get("Cache-Control") ?? "").toLowerCase().split(",");
  return new Map(
    rules.map((rule) => {
      const [name = "", value = ""] = rule.trim().split("=");
      return [name, value.replaceAll('"', "")];
    }),
  );
}
