import { isJsonObject, parseJson, type Json } from "../../protocol/json.ts";

/** What a feed's page of the list says. */
export interface ListedFeed {
  readonly feed: string;
  readonly seq: number;
  readonly keys: number;
  readonly subscribers: number;
}

/** What is wrong with a request, as the server or the network tells it. */
export interface Failure {
  readonly ok: false;
  /** The HTTP status; none where no answer came. */
  readonly status: number | undefined;
  readonly title: string;
  readonly detail: string;
  readonly issues: readonly { readonly path: string; readonly message: string }[];
}

export type Answer<T> = { readonly ok: true; readonly value: T } | Failure;

/** Milliseconds to wait for an answer. */
const PATIENCE = 10_000;

/** The HTTP side of a server. `credential` is asked at each request; none is sent where there is none. */
export class Api {
  readonly #base: string;
  readonly #credential: () => string | undefined;

  constructor(base: string, credential: () => string | undefined) {
    this.#base = base;
    this.#credential = credential;
  }

  feedUrl(feed: string): URL {
    return new URL(`/v1/feeds/${feed}`, this.#base);
  }

  /** The first thousand feeds, in order of name. */
  async list(): Promise<Answer<ListedFeed[]>> {
    const answer = await this.#request(new URL("/v1/feeds", this.#base), {});
    if (!answer.ok) return answer;
    const feeds = isJsonObject(answer.value) ? answer.value["feeds"] : undefined;
    return { ok: true, value: Array.isArray(feeds) ? feeds.flatMap(readListed) : [] };
  }

  stats(feed: string): Promise<Answer<Json>> {
    return this.#request(new URL(`${this.feedUrl(feed).href}/stats`), {});
  }

  /** `before`: a seq; the newest page if not given. */
  history(feed: string, key: string, limit: number, before?: number): Promise<Answer<Json>> {
    const url = new URL(`${this.feedUrl(feed).href}/history`);
    url.searchParams.set("key", key);
    url.searchParams.set("limit", String(limit));
    if (before !== undefined) url.searchParams.set("before", String(before));
    return this.#request(url, {});
  }

  /**
   * Publishes one update, as JSON text, with a credential of its own. The value is the receipt. `attempt`: the same for
   * the same body until its outcome is known, so that it is not applied twice.
   */
  publish(feed: string, body: string, credential: string, attempt: string): Promise<Answer<Json>> {
    const headers = {
      Authorization: `Bearer ${credential}`,
      "Content-Type": "application/json",
      "Idempotency-Key": attempt,
    };
    return this.#request(this.feedUrl(feed), { method: "POST", headers, body });
  }

  async #request(url: URL, init: RequestInit): Promise<Answer<Json>> {
    const headers = new Headers(init.headers);
    headers.set("Accept", "application/json");
    const credential = this.#credential();
    if (credential !== undefined && !headers.has("Authorization")) headers.set("Authorization", `Bearer ${credential}`);
    let status: number;
    let text: string;
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      const response = await fetch(url, { ...init, headers, signal, cache: "no-store", credentials: "omit" });
      status = response.status;
      text = await response.text();
    } catch (error) {
      const late = error instanceof DOMException && error.name === "TimeoutError";
      return failure(undefined, late ? "The server did not answer in time" : "The server can't be reached", "");
    }
    const parsed = parseJson(text);
    const body = parsed.ok && isJson(parsed.value) ? parsed.value : undefined;
    if (status === 200)
      return body === undefined ? failure(status, "The answer is not JSON", "") : { ok: true, value: body };
    return readProblem(status, body);
  }
}

/** What JSON text was parsed into is JSON: there is nothing else that it could be. */
function isJson(value: unknown): value is Json {
  return value !== undefined;
}

/** Reads `application/problem+json`; an answer that is none still has its status. */
export function readProblem(status: number, body: Json | undefined): Failure {
  const problem = body !== undefined && isJsonObject(body) ? body : {};
  const issues = Array.isArray(problem["issues"]) ? problem["issues"] : [];
  return {
    ...failure(status, text(problem["title"]) || "The server said no", text(problem["detail"])),
    issues: issues.flatMap((issue) =>
      isJsonObject(issue) ? [{ path: text(issue["path"]), message: text(issue["message"]) }] : [],
    ),
  };
}

function failure(status: number | undefined, title: string, detail: string): Failure {
  return { ok: false, status, title, detail, issues: [] };
}

function readListed(item: Json): ListedFeed[] {
  if (!isJsonObject(item) || typeof item["feed"] !== "string") return [];
  const feed = item["feed"];
  return [{ feed, seq: count(item["seq"]), keys: count(item["keys"]), subscribers: count(item["subscribers"]) }];
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function count(value: Json | undefined): number {
  return typeof value === "number" ? value : 0;
}
