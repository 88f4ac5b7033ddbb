import { JWT_SECRET } from "../../support/tokens.ts";
import type { JsonObject } from "../../../src/protocol/json.ts";
import type { Update } from "../../../src/protocol/update.ts";

export const PUBLISH_KEY = "e2e-publish-key";
export const ADMIN_KEY = "e2e-admin-key";
export const BINDINGS = { PUBLISH_KEY, ADMIN_KEY, JWT_SECRET, SUBSCRIBE_ACCESS: "public", ALLOWED_ORIGINS: "" };

export interface Receipt {
  feed: string;
  epoch: string;
  seq: number;
  accepted: number;
  stale: number;
}

export interface Snapshot {
  feed: string;
  epoch: string;
  seq: number;
  entries: Record<string, JsonObject>;
}

export interface Stats {
  seq: number;
  subscribers: number;
  lagging: number;
  replicas: { name: string; region: string; subscribers: number; seq: number }[];
  /** When the object came into memory. */
  started: number;
}

/** `url` is the feed's. */
export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { Authorization: `Bearer ${PUBLISH_KEY}`, "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

export function publish(url: string, body: Update | Update[]): Promise<Receipt> {
  return post(url, body).then((response) => read(response));
}

/** Publishes so many megabytes to 40 keys, and returns the last receipt. */
export async function publishMegabytes(url: string, megabytes: number): Promise<Receipt> {
  const receipts: Receipt[] = [];
  for (let i = 0; i < megabytes; i++) {
    const text = String.fromCharCode(97 + (i % 26)).repeat(25_000);
    const batch = Array.from({ length: 40 }, (_, k) => ({ key: `k${k}`, set: { i, text } }));
    receipts.push(await publish(url, batch));
  }
  return receipts.at(-1)!;
}

export function statsOf(url: string): Promise<Stats> {
  return get(`${url}/stats`);
}

export function snapshot(url: string): Promise<Snapshot> {
  return get(url);
}

export async function get<T>(url: string): Promise<T> {
  return read(await fetch(url));
}

/** The names of all feeds, page after page. */
export async function listFeeds(origin: string): Promise<string[]> {
  type Page = { feeds: { feed: string }[]; next?: string };
  const names: string[] = [];
  for (let after: string | undefined = ""; after !== undefined;) {
    const { feeds, next }: Page = await get<Page>(`${origin}/v1/feeds?after=${after}`);
    names.push(...feeds.map(({ feed }) => feed));
    after = next;
  }
  return names;
}

async function read<T>(response: Response): Promise<T> {
  if (response.status !== 200) throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`);
  return JSON.parse(await response.text());
}
