import { CLOSE } from "../protocol/codes.ts";
import { parsePosition, type Position } from "../protocol/position.ts";
import { encodeError, encodeEvent } from "../protocol/server-messages.ts";
import type { AppContext } from "./context.ts";
import { acceptFeedSocket } from "./feed-socket.ts";
import { readSubscribeQuery } from "./query.ts";
import { API_HEADERS, REVALIDATE } from "./responses.ts";

/** A comment: it keeps the connection open, and clients ignore it. */
const HEARTBEAT = ":\n\n";
/** Milliseconds between two heartbeats; the protocol promises one every 25 seconds. */
const HEARTBEAT_EVERY = 20_000;
/** Milliseconds after which a stream is ended and the client resumes: proxies end long streams too. */
const LIFETIME = 15 * 60_000;
/** Milliseconds after which a client reconnects. */
const RETRY = 2_000;
/** The same if the server has too much to do, or is about to restart. */
const RETRY_LATER = 10_000;
/** Characters after which the object is told what the client has taken: fewer than count as a backlog there. */
const ACK_EVERY = 32 * 1024;

const HEADERS = {
  ...API_HEADERS,
  "Content-Type": "text/event-stream; charset=utf-8",
  // A proxy that buffers or compresses would delay events.
  "Cache-Control": `${REVALIDATE}, no-transform`,
  "X-Accel-Buffering": "no",
};

export function wantsEvents(request: Request): boolean {
  return (request.headers.get("Accept") ?? "").split(",").some((type) => /^\s*text\/event-stream\s*(;|$)/i.test(type));
}

/** `GET /v1/feeds/{feed}` with `Accept: text/event-stream` */
export async function streamEvents(c: AppContext): Promise<Response> {
  const asked = readSubscribeQuery(c.var.query);
  if (c.req.raw.method === "HEAD") return new Response(null, { headers: HEADERS });
  const since = resumePosition(c.req.raw, asked.since);
  const socket = await acceptFeedSocket(c, { ...asked, since }, "sse");
  return new Response(pump(socket, c.req.raw.signal), { headers: HEADERS });
}

/** `Last-Event-ID`, else `since`. A `Last-Event-ID` that is no position means that the client gets a snapshot. */
function resumePosition(request: Request, since: Position | undefined): Position | undefined {
  const id = request.headers.get("Last-Event-ID");
  return id === null || id === "" ? since : parsePosition(id);
}

/** Passes the events of a socket on, until either side ends it. */
function pump(socket: WebSocket, gone: AbortSignal): ReadableStream<Uint8Array> {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  /** Characters of the object's events, without `hello`: those that came, that the client has taken, and of the last ack. */
  let received = 0;
  let taken = 0;
  let acknowledged = 0;
  /** What is written next: all that has come while the client took what was written before. */
  let waiting = "";
  let hasHello = false;
  let writing = false;
  let ended = false;

  const end = (): void => {
    if (ended) return;
    ended = true;
    clearInterval(heart);
    clearTimeout(lifetime);
    socket.close(CLOSE.normal);
    // After what waits.
    if (!writing) void writer.close().catch(() => {});
  };
  const writeOn = async (): Promise<void> => {
    writing = true;
    while (waiting !== "") {
      const [text, length] = [waiting, received];
      waiting = "";
      // Resolves when the client's connection has taken it.
      await writer.write(encoder.encode(text));
      taken = length;
      // A closed socket takes no ack.
      if (ended || taken - acknowledged < ACK_EVERY) continue;
      acknowledged = taken;
      acknowledge(socket, taken);
    }
    writing = false;
    if (ended) await writer.close();
  };
  const write = (text: string): void => {
    if (ended) return;
    waiting += text;
    if (!writing)
      writeOn().catch(() => {
        waiting = "";
        end();
      });
  };

  // Not while something waits: a heartbeat must not keep a client alive that takes nothing.
  const heart = setInterval(() => !writing && write(HEARTBEAT), HEARTBEAT_EVERY);
  const lifetime = setTimeout(end, jittered(LIFETIME));
  write(retryLine(RETRY));
  socket.addEventListener("message", ({ data }) => {
    if (ended || typeof data !== "string") return;
    if (!data.startsWith("event: ")) {
      // An object of the version before writes no events, and may come in the middle of a stream. It is about to be replaced.
      write(retryLine(RETRY_LATER));
      end();
      return;
    }
    if (hasHello) received += data.length;
    else {
      // From the first ack on, the object waits for the client to take what it was sent.
      acknowledge(socket, 0);
      hasHello = true;
    }
    write(data);
  });
  socket.addEventListener("close", ({ code, reason }) => {
    // The client takes nothing, so it cannot be told why: it only sees its connection end.
    if (code === CLOSE.overloaded && writing) void writer.abort().catch(() => {});
    else if (code === CLOSE.unauthorized) write(errorEvent("unauthorized", reason));
    else if (code === CLOSE.removed) write(errorEvent("not_found", reason));
    else if (code !== CLOSE.normal) write(retryLine(RETRY_LATER));
    end();
  });
  // The client is gone.
  writer.closed.catch(end);
  gone.addEventListener("abort", end);
  return readable;
}

function errorEvent(code: "unauthorized" | "not_found", reason: string): string {
  return encodeEvent("error", encodeError(undefined, code, reason));
}

/** Tells the object how many characters the client has taken. They alone count: the seq says less, and is not known here. */
function acknowledge(socket: WebSocket, bytes: number): void {
  socket.send(JSON.stringify({ type: "ack", seq: 0, bytes }));
}

/** Tells the client how long to wait before it reconnects, in milliseconds. */
function retryLine(ms: number): string {
  return `retry: ${Math.round(jittered(ms))}\n\n`;
}

/** Up to half as long again, by chance: clients that come at the same time must not come back at the same time. */
function jittered(ms: number): number {
  return ms * (1 + Math.random() / 2);
}
