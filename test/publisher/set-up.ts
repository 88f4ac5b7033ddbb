import { vi } from "vitest";
import {
  createPublisher,
  type Publisher,
  type PublisherOptions,
  type PublisherStatus,
  type Update,
} from "../../src/publisher/index.ts";
import { ModelFeed } from "./model-feed.ts";
import { PublishEndpoint, type Fate } from "./publish-endpoint.ts";
import { SocketEndpoint, type MessageFate, type OpenFate } from "./socket-endpoint.ts";

export const START = Date.UTC(2026, 0, 5, 14, 30);

export const overloaded: Fate = { status: 503, body: { code: "overloaded", detail: "Come back later." } };

/** A publisher and a server with these fates in turn (`accept` from then on), on a clock that only the test moves. */
export function setUp(fates: readonly Fate[] = [], options: Partial<PublisherOptions> = {}) {
  vi.useFakeTimers({ now: START });
  const server = new PublishEndpoint((index) => fates[index] ?? "accept");
  const statuses: PublisherStatus[] = [];
  const publisher = createPublisher({
    url: "http://feed.test",
    feed: "stocks",
    key: "publish-key",
    fetch: server.fetch,
    // Compression takes real time, which the fake clock does not have.
    gzipOver: Infinity,
    onStatus: (status) => statuses.push(status),
    ...options,
  });
  // Else the first goes to the console.
  publisher.on("error", () => {});
  return { publisher, server, statuses };
}

/** What happens, in turn, to POSTs, to sockets that are opened, and to the messages on them. Then all goes well. */
export interface Fates {
  readonly posts?: readonly Fate[];
  readonly opens?: readonly OpenFate[];
  readonly messages?: readonly MessageFate[];
}

/** The same with one feed behind POSTs and sockets. */
export function setUpSockets(fates: Fates = {}, options: Partial<PublisherOptions> = {}) {
  vi.useFakeTimers({ now: START });
  const feed = new ModelFeed();
  const posts = new PublishEndpoint((index) => fates.posts?.[index] ?? "accept", feed);
  const sockets = new SocketEndpoint(
    feed,
    (index) => fates.messages?.[index] ?? "accept",
    (index) => fates.opens?.[index] ?? "open",
  );
  const { publisher, statuses } = setUp([], { fetch: posts.fetch, WebSocket: sockets.Socket, ...options });
  return { publisher, feed, posts, sockets, statuses };
}

export const SECOND = 1_000;
export const MINUTE = 60_000;
export const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** Publishes updates numbered from `from`, each as a batch of its own. */
export async function publishEach(publisher: Publisher, from: number, to: number) {
  const receipts = [];
  for (let n = from; n <= to; n++) {
    const receipt = publisher.publish(tick("A", n));
    receipt.catch(() => {});
    receipts.push(receipt);
    await Promise.resolve();
  }
  return receipts;
}

/** A publisher whose socket is open. */
export async function setUpOpen(fates: Fates = {}, options: Parameters<typeof setUpSockets>[1] = {}) {
  const all = setUpSockets(fates, { transport: "websocket", batchUpdates: 1, ...options });
  void all.publisher.publish({ key: "first", set: {} });
  await pass(50);
  all.feed.applied.length = 0;
  all.sockets.mostInFlight = 0;
  return all;
}

/** The outcome of a promise, with the clock moved as far as it takes. */
export async function outcome<T>(promise: Promise<T>): Promise<{ value: T } | { error: unknown }> {
  const outcome = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  await vi.runAllTimersAsync();
  return outcome;
}

/** A token that is well-formed, but not signed. */
export const token = (claims: object): string => `e30.${btoa(JSON.stringify(claims))}.sig`;

export const tick = (key: string, n: number): Update => ({ key, patch: { n } });
export const count = (length: number): Update[] => Array.from({ length }, (_, n) => tick("AAPL", n));
export const often = <T>(times: number, what: T): T[] => Array.from({ length: times }, () => what);
