import type { UpdateIssue } from "../../protocol/codes.ts";
import { isJsonObject, parseJson, type Json } from "../../protocol/json.ts";

/** A feed in the server's list, as the page shows it. */
export interface FeedSummary {
  readonly feed: string;
  readonly seq: number;
  readonly keys: number;
  readonly subscribers: number;
}

/** Why a request failed, in the words of the server or of the network. */
export interface ApiFailure {
  readonly ok: false;
  /** The HTTP status. Undefined if no answer came. */
  readonly status: number | undefined;
  readonly title: string;
  readonly detail: string;
  readonly issues: readonly Pick<UpdateIssue, "path" | "message">[];
}

export type ApiResult<T> = { readonly ok: true; readonly value: T } | ApiFailure;

/** Milliseconds to wait for an answer. */
const TIMEOUT = 10_000;

/** The HTTP requests of this page. `credential` is called for each of them; if it returns undefined, none is sent. */
export class ServerApi {
  readonly #base: string;
  readonly #credential: () => string | undefined;

  constructor(base: string, credential: () => string | undefined) {
    this.#base = base;
    this.#credential = credential;
  }

  /** The first page of the list of feeds, in order of name. */
  async list(): Promise<ApiResult<FeedSummary[]>> {
    const result = await this.#request(new URL("/v1/feeds", this.#base), {});
    if (!result.ok) return result;
    const feeds = isJsonObject(result.value) ? result.value["feeds"] : undefined;
    return { ok: true, value: Array.isArray(feeds) ? feeds.flatMap(readSummary) : [] };
  }

  stats(feed: string): Promise<ApiResult<Json>> {
    return this.#request(this.#feedUrl(feed, "/stats"), {});
  }

  /** The page of history before the seq `before`, or the newest page. */
  history(feed: string, key: string, limit: number, before?: number): Promise<ApiResult<Json>> {
    const url = this.#feedUrl(feed, "/history");
    url.searchParams.set("key", key);
    url.searchParams.set("limit", String(limit));
    if (before !== undefined) url.searchParams.set("before", String(before));
    return this.#request(url, {});
  }

  /**
   * Publishes one update, as JSON text, with a credential of its own. The value is the receipt. `idempotencyKey` stays the
   * same for the same body until the outcome is known, so that the update is not applied twice.
   */
  publish(feed: string, body: string, credential: string, idempotencyKey: string): Promise<ApiResult<Json>> {
    const headers = {
      Authorization: `Bearer ${credential}`,
      "Content-Type": "application/json",
      "Idempotency-Key": idempotencyKey,
    };
    return this.#request(this.#feedUrl(feed), { method: "POST", headers, body });
  }

  #feedUrl(feed: string, resource = ""): URL {
    return new URL(`/v1/feeds/${feed}${resource}`, this.#base);
  }

  async #request(url: URL, init: RequestInit): Promise<ApiResult<Json>> {
    const headers = new Headers(init.headers);
    headers.set("Accept", "application/json");
    const credential = this.#credential();
    if (credential !== undefined && !headers.has("Authorization")) headers.set("Authorization", `Bearer ${credential}`);
    let status: number;
    let text: string;
    try {
      const signal = AbortSignal.timeout(TIMEOUT);
      const response = await fetch(url, { ...init, headers, signal, cache: "no-store", credentials: "omit" });
      status = response.status;
      text = await response.text();
    } catch (error) {
      const isLate = error instanceof DOMException && error.name === "TimeoutError";
      return failure(undefined, isLate ? "The server did not answer in time" : "The server can't be reached", "");
    }
    const parsed = parseJson(text);
    const body = parsed.ok && isJson(parsed.value) ? parsed.value : undefined;
    if (status === 200)
      return body === undefined ? failure(status, "The answer is not JSON", "") : { ok: true, value: body };
    return readProblem(status, body);
  }
}

/** `parseJson` returns `unknown`, but everything that it returns is JSON. */
function isJson(value: unknown): value is Json {
  return value !== undefined;
}

/** Reads `application/problem+json`. An answer in another format still has its status. */
export function readProblem(status: number, body: Json | undefined): ApiFailure {
  const problem = body !== undefined && isJsonObject(body) ? body : {};
  const issues = Array.isArray(problem["issues"]) ? problem["issues"] : [];
  return {
    ...failure(status, text(problem["title"]) || "The server said no", text(problem["detail"])),
    issues: issues.flatMap((issue) =>
      isJsonObject(issue) ? [{ path: text(issue["path"]), message: text(issue["message"]) }] : [],
    ),
  };
}

function failure(status: number | undefined, title: string, detail: string): ApiFailure {
  return { ok: false, status, title, detail, issues: [] };
}

function readSummary(item: Json): FeedSummary[] {
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
