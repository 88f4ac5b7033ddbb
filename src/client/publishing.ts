import type { backoff } from "../connecting/retry-policy.ts";
import type { FeedPublishError } from "./errors.ts";
import type { UpdateIssue } from "../protocol/codes.ts";
import type { Receipt } from "../protocol/published.ts";
import type { Runtime } from "./runtime.ts";

export { createQuestions } from "./questions.ts";

/** What a publish goes over. What else it needs of the client is handed over: its code must import none of it. */
export interface PublishRoute {
  readonly feed: URL;
  readonly runtime: Runtime;
  readonly token: () => string | undefined | Promise<string | undefined>;
  readonly backoff: typeof backoff;
  readonly FeedPublishError: typeof FeedPublishError;
  /** Asks the server over the connection's socket. Undefined if there is no answer, or no socket that is live. */
  readonly ask: (message: object) => Promise<Members | undefined>;
}

type Members = Readonly<Record<string, unknown>>;

type Answer =
  | { readonly type: "receipt"; readonly receipt: Receipt; readonly reason?: undefined }
  | {
      readonly type: "refused";
      readonly reason: string;
      readonly code: string | undefined;
      readonly issues: readonly UpdateIssue[];
    }
  /** Worth repeating. `doubtful`: it may have been applied. */
  | { readonly type: "failed"; readonly reason: string; readonly afterMs: number; readonly doubtful: boolean };

/** Milliseconds after which it is given up: somebody waits. */
const REPEATED = 60_000;
/** The server takes nothing now, and has changed nothing. */
const NOT_NOW: ReadonlySet<unknown> = new Set(["rate_limited", "overloaded"]);
const PASSING: ReadonlySet<unknown> = new Set([...NOT_NOW, "outcome_unknown"]);

/**
 * Publishes updates over the socket of a feed, or by POST while none is live. Repeats what has no answer with the same
 * idempotency key, by whichever way there is, so that it is applied once.
 */
export async function publishOver(updates: string, route: PublishRoute): Promise<Receipt> {
  const { runtime, backoff, FeedPublishError } = route;
  const idempotencyKey = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(36)).join(".");
  const until = runtime.now() + REPEATED;
  let isDoubtful = false;
  for (let failures = 0; ; failures++) {
    const answer = (await overSocket(route, updates, idempotencyKey)) ?? (await byPost(route, updates, idempotencyKey));
    if (answer.type === "receipt") return answer.receipt;
    const { reason } = answer;
    if (answer.type === "failed") isDoubtful ||= answer.doubtful;
    const isApplied = isDoubtful ? undefined : false;
    if (answer.type === "refused") throw new FeedPublishError(reason, isApplied, answer.code, answer.issues);
    const wait = Math.max(answer.afterMs, backoff(failures, runtime.conditions().random));
    if (runtime.now() + wait > until) throw new FeedPublishError(reason, isApplied);
    await new Promise<void>((resolve) => runtime.setTimer(wait, resolve));
  }
}

async function overSocket(
  { ask, feed }: PublishRoute,
  updates: string,
  idempotencyKey: string,
): Promise<Answer | undefined> {
  const answer = await ask({ type: "publish", updates: JSON.parse(updates), idempotencyKey });
  if (!answer) return undefined;
  const { type, code, message, retryAfter } = answer;
  // Over its own socket it is not said.
  if (type === "receipt")
    return receiptOf({ feed: decodeURIComponent(feed.pathname.split("/").at(-1) ?? ""), ...answer });
  return PASSING.has(code) ? passing(answer, message, retryAfter) : refused(answer, message);
}

async function byPost({ feed, runtime, token }: PublishRoute, updates: string, key: string): Promise<Answer> {
  try {
    const credential = await token();
    const response = await runtime.fetch(feed, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "idempotency-key": key,
        ...(credential && { authorization: `Bearer ${credential}` }),
      },
      body: updates,
    });
    const answer: Members = { ...Object(await response.json()) };
    if (response.ok) return receiptOf(answer);
    const { status, headers } = response;
    if (status >= 500 || status === 429) return passing(answer, answer["detail"], headers.get("retry-after"));
    return refused(answer, answer["detail"]);
  } catch (error) {
    return { type: "failed", reason: String(error), afterMs: 0, doubtful: true };
  }
}

function passing({ code }: Members, why: unknown, retryAfter: unknown): Answer {
  const reason = `${textOf(why)} (${textOf(code)})`;
  return { type: "failed", reason, afterMs: (Number(retryAfter) || 0) * 1000, doubtful: !NOT_NOW.has(code) };
}

function refused({ code, issues }: Members, why: unknown): Answer {
  const named = textOf(code);
  const listed: readonly unknown[] = Array.isArray(issues) ? issues : [];
  return { type: "refused", reason: `${textOf(why)} (${named})`, code: named, issues: listed.filter(isIssue) };
}

function isIssue(issue: unknown): issue is UpdateIssue {
  const { index, path, message }: Members = { ...Object(issue) };
  return typeof index === "number" && typeof path === "string" && typeof message === "string";
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "unknown";
}

function receiptOf({ feed, epoch, seq, accepted, stale }: Members): Answer {
  if (typeof epoch !== "string")
    return { type: "failed", reason: "the answer is not a receipt", afterMs: 0, doubtful: true };
  const receipt = { feed: String(feed), epoch, seq: Number(seq), accepted: Number(accepted), stale: Number(stale) };
  return { type: "receipt", receipt };
}
