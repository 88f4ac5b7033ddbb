import { CLOSE } from "../protocol/codes.ts";
import { encodeError } from "../protocol/server-messages.ts";
import type { AppContext } from "./context.ts";
import { acceptFeedSocket } from "./feed-socket.ts";
import { readSubscribeQuery } from "./query.ts";
import { API_HEADERS, REVALIDATE } from "./responses.ts";
import { EventWriter, HEARTBEAT, lastEventPosition, retryLine } from "./sse-events.ts";

/** Milliseconds between two signs of life; the wire promises one every 25 seconds. */
const HEARTBEAT_EVERY = 20_000;
/** Milliseconds after which a stream is ended, and the client resumes: proxies, too, end what lasts for ever. */
const LIFETIME = 15 * 60_000;
/** Both are drawn from these to half as much again, so that not all clients of a moment come back in one. */
const RETRY = 2_000;
/** After the server had too much to do, or is about to restart. */
const RETRY_LATER = 10_000;
/**
 * Characters after which the object is told how far the client has come, so that it holds back for one that is slow: less
 * than what counts as a backlog there.
 */
const ACK_EVERY = 32 * 1024;

const HEADERS = {
  ...API_HEADERS,
  "Content-Type": "text/event-stream; charset=utf-8",
  // A proxy that gathers or compresses would hold events back.
  "Cache-Control": `${REVALIDATE}, no-transform`,
  "X-Accel-Buffering": "no",
};

export function wantsEvents(request: Request): boolean {
  return (request.headers.get("Accept") ?? "").split(",").some((type) => /^\s*text\/event-stream\s*(;|$)/i.test(type));
}

/** `GET /v1/feeds/{feed}` with `Accept: text/event-stream` */
export async function streamEvents(c: AppContext): Promise<Response> {
  const asked = readSubscribeQuery(new URL(c.req.url).searchParams);
  const last = lastEventPosition(c.req.raw);
  if (c.req.raw.method === "HEAD") return new Response(null, { headers: HEADERS });
  const since = last === "none" ? asked.since : last;
  const socket = await acceptFeedSocket(c, { ...asked, since });
  return new Response(pump(socket, c.req.raw.signal), { headers: HEADERS });
}

interface Waiting {
  readonly text: string;
  readonly length: number;
  readonly seq: number | undefined;
}

/** Hands a socket's messages on as events, until either side ends it. */
function pump(socket: WebSocket, gone: AbortSignal): ReadableStream<Uint8Array> {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  const events = new EventWriter();
  /** Characters of messages that the client's connection has taken, and when that was last told. */
  let taken = 0;
  let told = 0;
  /** What is written next: all that has come while the client's connection took what was written before. */
  let waiting: Waiting | undefined;
  let writing = false;
  let ended = false;

  const end = (): void => {
    if (ended) return;
    ended = true;
    clearInterval(heart);
    clearTimeout(lifetime);
    socket.close(CLOSE.normal);
    // Behind what waits.
    if (!writing) void writer.close().catch(() => {});
  };
  const writeOn = async (): Promise<void> => {
    writing = true;
    for (let next = waiting; next; next = waiting) {
      waiting = undefined;
      // Ends when the client's connection has taken it.
      await writer.write(encoder.encode(next.text));
      taken += next.length;
      if (next.seq === undefined || taken - told < ACK_EVERY) continue;
      told = taken;
      acknowledge(socket, next.seq, taken);
    }
    writing = false;
    if (ended) await writer.close();
  };
  /** `length` and `seq` are those of the message in it, if there is one that counts. */
  const write = (text: string, length = 0, seq?: number): void => {
    if (ended) return;
    const { text: before = "", length: sum = 0, seq: last } = waiting ?? {};
    waiting = { text: before + text, length: sum + length, seq: seq ?? last };
    if (!writing)
      writeOn().catch(() => {
        waiting = undefined;
        end();
      });
  };

  // Not while something waits: a client that takes nothing is not kept alive by comments.
  const heart = setInterval(() => !writing && write(HEARTBEAT), HEARTBEAT_EVERY);
  const lifetime = setTimeout(end, jittered(LIFETIME));
  write(retryLine(jittered(RETRY)));
  socket.addEventListener("message", ({ data }) => {
    if (typeof data !== "string") return;
    const seq = EventWriter.seqOf(data);
    const isHello = data.startsWith('{"type":"hello"');
    // Whoever has acknowledged once is waited for.
    if (seq !== undefined && isHello) acknowledge(socket, seq, 0);
    write(events.write(data), isHello ? 0 : data.length, seq);
  });
  socket.addEventListener("close", ({ code, reason }) => {
    // It takes nothing, so that nothing can be said to it: its end of the line is all it will see.
    if (code === CLOSE.overloaded && writing) void writer.abort().catch(() => {});
    else if (code === CLOSE.unauthorized) write(events.write(encodeError(undefined, "unauthorized", reason)));
    else if (code === CLOSE.removed) write(events.write(encodeError(undefined, "not_found", reason)));
    else if (code !== CLOSE.normal) write(retryLine(jittered(RETRY_LATER)));
    end();
  });
  // The client has gone: what nobody reads is not written.
  writer.closed.catch(end);
  gone.addEventListener("abort", end);
  return readable;
}

function acknowledge(socket: WebSocket, seq: number, bytes: number): void {
  socket.send(JSON.stringify({ type: "ack", seq, bytes }));
}

function jittered(ms: number): number {
  return ms * (1 + Math.random() / 2);
}
