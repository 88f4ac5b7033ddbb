import type { HistoryAnswer, ListAnswer, StatsAnswer } from "../../protocol/answers.ts";
import type { UpdateIssue } from "../../protocol/codes.ts";
import { isJsonObject, parseJson } from "../../protocol/json.ts";
import type { Receipt } from "../../protocol/server-messages.ts";

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

  /** `base`: where the server is mounted, without a `/` at its end. */
  constructor(base: string, credential: () => string | undefined) {
    this.#base = base;
    this.#credential = credential;
  }

  /** The first page of the list of feeds, in order of name. */
  list(): Promise<ApiResult<ListAnswer>> {
    return this.#request(new URL(`${this.#base}/v1/feeds`), {}, isList);
  }

  stats(feed: string): Promise<ApiResult<StatsAnswer>> {
    return this.#request(this.#feedUrl(feed, "/stats"), {}, isStats);
  }

  /** The page of history before the seq `before`, or the newest page. */
  history(feed: string, key: string, limit: number, before?: number): Promise<ApiResult<HistoryAnswer>> {
    const url = this.#feedUrl(feed, "/history");
    url.searchParams.set("key", key);
    url.searchParams.set("limit", String(limit));
    if (before !== undefined) url.searchParams.set("before", String(before));
    return this.#request(url, {}, isHistory);
  }

  /**
   * Publishes one update, as JSON text, with a credential of its own. The value is the receipt. `idempotencyKey` stays the
   * same for the same body until the outcome is known, so that the update is not applied twice.
   */
  publish(feed: string, body: string, credential: string, idempotencyKey: string): Promise<ApiResult<Receipt>> {
    const headers = {
      Authorization: `Bearer ${credential}`,
      "Content-Type": "application/json",
      "Idempotency-Key": idempotencyKey,
    };
    return this.#request(this.#feedUrl(feed), { method: "POST", headers, body }, isReceipt);
  }

  #feedUrl(feed: string, resource = ""): URL {
    return new URL(`${this.#base}/v1/feeds/${feed}${resource}`);
  }

  async #request<T>(url: URL, init: RequestInit, isAnswer: (body: unknown) => body is T): Promise<ApiResult<T>> {
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
    const body = parsed.ok ? parsed.value : undefined;
    if (status !== 200) return readProblem(status, body);
    return isAnswer(body) ? { ok: true, value: body } : failure(status, "The answer is not one of this API", "");
  }
}

// The page and the API are of one server, so an answer is as the protocol says, unless a proxy answers in its place. For
// that it is enough to look at one or two members, without the schemas and their library.
const has = (body: unknown, name: string, type: string): boolean => isJsonObject(body) && typeof body[name] === type;
const hasList = (body: unknown, name: string): boolean => isJsonObject(body) && Array.isArray(body[name]);
const isList = (body: unknown): body is ListAnswer => hasList(body, "feeds");
const isStats = (body: unknown): body is StatsAnswer => has(body, "subscribers", "number");
const isHistory = (body: unknown): body is HistoryAnswer => hasList(body, "updates");
const isReceipt = (body: unknown): body is Receipt => has(body, "epoch", "string") && has(body, "seq", "number");

/** Reads `application/problem+json`. An answer in another format still has its status. */
export function readProblem(status: number, body: unknown): ApiFailure {
  const problem = isJsonObject(body) ? body : {};
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

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
