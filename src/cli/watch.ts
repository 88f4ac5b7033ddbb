import { environmentOf } from "../client/environment.ts";
import { connectFeed } from "../client/feed.ts";
import type { Change, FeedStatus } from "../client/index.ts";
import { feedUrl, withQuery } from "../client/feed-url.ts";
import { isJsonObject, parseJson, type JsonObject } from "../protocol/json.ts";
import { EXIT, Failure, NO_TICKERTAPE, UsageError, type ExitCode } from "./failure.ts";
import { pipeClosed, plainText, print, say, stopSignal } from "./output.ts";
import { namedToken, serverUrl } from "./server.ts";
import { showTable, type WatchedFeed } from "./watch-table.ts";
import { provideWebSocket } from "./web-socket.ts";

export interface WatchOptions {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly keys?: readonly string[] | undefined;
  readonly fields?: readonly string[] | undefined;
  readonly hz?: number | undefined;
  readonly since?: string | undefined;
  readonly once?: true | undefined;
  readonly json?: true | undefined;
}

/** Milliseconds until there are entries, where only the present ones are wanted. */
const FIRST_MS = 15_000;

export async function watch(name: string, options: WatchOptions): Promise<ExitCode> {
  const url = serverUrl(options.url);
  const token = namedToken(options.token);
  const isTable = process.stdout.isTTY && options.json !== true && options.since === undefined && !options.once;
  await provideWebSocket();
  const stop = AbortSignal.any([stopSignal(), pipeClosed]);
  const selected = { keys: options.keys, fields: options.fields, hz: options.hz, token };
  // Which fields there are is known only here, and not to the compiler.
  const feed: WatchedFeed = connectFeed(url, name, selected, environmentOf(selected));
  const end = (): void => feed.close();
  stop.addEventListener("abort", end);
  try {
    if (isTable) await showTable(feed, stop);
    else await printLines(feed, url, { ...options, token }, stop);
    // Before it is closed here.
    if (feed.status.code !== undefined && feed.state === "closed") throw new Failure(refusal(name, feed.status));
    return EXIT.ok;
  } finally {
    feed.close();
  }
}

function refusal(name: string, { reason, code }: FeedStatus): string {
  // Tickertape says why in words of its own.
  if (code === 404 && reason.startsWith("the connection was lost"))
    return `${name} cannot be watched: ${NO_TICKERTAPE} (404)`;
  const help = code === 401 || code === 4401 ? `; make a token with: tickertape token --scope subscribe:${name}` : "";
  return `${name} cannot be watched: ${reason}${help}`;
}

/** Prints entries and changes, each as the update that makes it: what is printed can be published. */
async function printLines(feed: WatchedFeed, url: string, options: WatchOptions, stop: AbortSignal): Promise<void> {
  announce(feed);
  await live(feed, options.once ? FIRST_MS : undefined);
  if (stop.aborted || feed.state === "closed") return;
  const known = options.since === undefined ? undefined : await entriesBefore(feed, url, options, options.since);
  for (const key of known?.deleted ?? []) await print(JSON.stringify({ key, delete: true }));
  /** Whether the reader has it already; only once, since an entry may become again what it was. */
  const isKnown = ({ key, value }: Change<JsonObject>): boolean =>
    value !== undefined && known?.entries.get(key) === value && known.entries.delete(key);
  let first = feed.size;
  if (!options.once || first > 0) {
    for await (const change of feed) {
      if (!isKnown(change)) await print(lineOf(change));
      if (options.once && --first === 0) break;
    }
  }
  if (feed.position !== undefined) say(`position ${feed.position}`);
}

function lineOf({ key, value }: Pick<Change<JsonObject>, "key" | "value">): string {
  return JSON.stringify(value === undefined ? { key, delete: true } : { key, set: value });
}

/** Tells what becomes of the connection, each state once. */
function announce(feed: WatchedFeed): void {
  let told = "live";
  feed.on("status", ({ state, reason, code }) => {
    // The first attempt is no news, unless it has failed.
    const isNews = state === "connecting" ? code !== undefined : state !== "closed";
    if (state === told || !isNews) return;
    told = state;
    say(`${feed.name}: ${state}${reason === "" ? "" : ` (${plainText(reason)})`}`);
  });
}

/** Resolves when there are entries, or there will be none. */
function live(feed: WatchedFeed, ms: number | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer =
      ms === undefined
        ? undefined
        : setTimeout(() => reject(new Failure(`No answer in ${ms / 1_000} seconds: ${feed.status.reason}`)), ms);
    const look = ({ state }: FeedStatus): void => {
      if (state !== "live" && state !== "closed") return;
      clearTimeout(timer);
      off();
      resolve();
    };
    const off = feed.on("status", look);
    look(feed.status);
  });
}

/** What a reader at a position has already. */
interface Known {
  /** Entries that are still as they were then. */
  readonly entries: Map<string, JsonObject>;
  /** Keys that are gone since then. */
  readonly deleted: readonly string[];
}

/**
 * What has not changed since `position`. The feed is asked after the entries are there, and again as long as the answer is
 * older than they are: so what changes in between is in one of both.
 */
async function entriesBefore(
  feed: WatchedFeed,
  url: string,
  options: WatchOptions,
  position: string,
): Promise<Known | undefined> {
  if (!/^[^:]+:\d+$/.test(position)) throw new UsageError(`--since ${position} is no position, such as k3v9x2:1045`);
  const entries = new Map(feed.entries());
  const seq = seqOf(feed.position);
  for (;;) {
    const message = await changesSince(feed.name, url, options, position);
    if (message["type"] === "snapshot") {
      say(
        `All entries follow, as not all changes since ${position} are known (${plainText(textOf(message["reason"]) ?? "")}).`,
      );
      return undefined;
    }
    if (Number(message["seq"]) < seq) {
      // A cache may answer with what was so a second ago.
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    const updates: unknown = message["updates"];
    const deleted: string[] = [];
    for (const update of Array.isArray(updates) ? updates : []) {
      if (!isJsonObject(update) || typeof update["key"] !== "string") continue;
      const { key } = update;
      if (!entries.delete(key) && !feed.has(key)) deleted.push(key);
    }
    return { entries, deleted };
  }
}

function seqOf(position = ""): number {
  return Number(position.slice(position.lastIndexOf(":") + 1));
}

async function changesSince(
  name: string,
  url: string,
  { keys, fields, token }: WatchOptions,
  since: string,
): Promise<JsonObject> {
  const address = withQuery(feedUrl(url, name), { keys, fields }, { since });
  const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const response = await fetch(address, { headers, signal: AbortSignal.timeout(FIRST_MS) });
  const parsed = parseJson(await response.text());
  const body = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {};
  if (response.status !== 200)
    throw new Failure(
      `What changed since ${since} could not be read: ${plainText(textOf(body["detail"]) ?? `it answered ${response.status}`)}`,
    );
  return body;
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
