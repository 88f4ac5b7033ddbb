import { env, exports } from "cloudflare:workers";
import type { Receipt } from "../../src/protocol/server-messages.ts";
import type { UpdateIssue } from "../../src/protocol/codes.ts";
import type { JsonObject } from "../../src/protocol/json.ts";

export const PUBLISH_KEY = "publish-key";
export const ADMIN_KEY = "admin-key";

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  issues?: UpdateIssue[];
}

export interface SnapshotBody {
  feed: string;
  epoch: string;
  seq: number;
  time: number;
  entries: Record<string, JsonObject>;
}

/**
 * A request to the Worker, path and all. Where feeds have replicas, each request comes from another client IP: so clients go
 * from one of the feed's objects to another.
 */
export function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (ARE_EVERYWHERE && !headers.has(CLIENT_IP)) headers.set(CLIENT_IP, `10.${octet()}.${octet()}.${octet()}`);
  return exports.default.fetch(`https://feeds.test${path}`, { ...init, headers });
}

const ARE_EVERYWHERE = "CLIENTS" in env && env.CLIENTS === "everywhere";
const CLIENT_IP = "CF-Connecting-IP";

function octet(): number {
  return Math.floor(Math.random() * 256);
}

/** The header that carries a credential. */
export function bearer(credential: string): Record<string, string> {
  return { Authorization: `Bearer ${credential}` };
}

/** A POST as a publisher makes it. */
export function post(feed: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return request(`/v1/feeds/${feed}`, {
    method: "POST",
    headers: { ...bearer(PUBLISH_KEY), "Content-Type": "application/json", ...headers },
    body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
}

export async function publish(feed: string, body: unknown): Promise<Receipt & { feed: string }> {
  const response = await post(feed, body);
  if (response.status !== 200) throw new Error(`publishing answered ${response.status}: ${await response.text()}`);
  return response.json();
}

export async function snapshot(feed: string, query = ""): Promise<SnapshotBody> {
  const response = await request(`/v1/feeds/${feed}${query}`);
  if (response.status !== 200) throw new Error(`reading answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** A feed of the test's own: tests share the runtime's storage. */
export function newFeed(): string {
  return `t-${crypto.randomUUID()}`;
}
