import { decode, encode } from "@msgpack/msgpack";
import { expect } from "vitest";
import { formatPosition } from "../../../src/protocol/position.ts";
import { MSGPACK_PROTOCOL } from "../../../src/protocol/names.ts";
import { EventReader } from "../../support/event-reader.ts";
import { upgrade } from "../../support/subscriber.ts";
import type { CarriedView } from "./carried-view.ts";

/** A connection that passes what comes over it to its view. */
export interface Connection {
  readonly view: CarriedView;
  /** Sends to the server; undefined for a stream of events. */
  readonly send: ((message: object) => void) | undefined;
  /** Ends it at once, whatever is on the way. Resolves when all that came has been checked. */
  drop(): Promise<void>;
}

/** A WebSocket, in JSON or in MessagePack. */
export async function openSocket(feed: string, query: string, view: CarriedView, packed: boolean): Promise<Connection> {
  const response = await upgrade(feed, query, packed ? { "Sec-WebSocket-Protocol": MSGPACK_PROTOCOL } : {});
  expect(response.status).toBe(101);
  const socket = response.webSocket!;
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => {
    try {
      expect(typeof data === "string", "whether a frame is text").toBe(!packed);
      view.apply(typeof data === "string" ? JSON.parse(data) : decode(data));
    } catch (error) {
      view.fail(error);
    }
    if (view.isCut) socket.close();
  });
  socket.addEventListener("close", ({ code }) => view.fail(new Error(`the server closed the socket with ${code}`)));
  socket.accept();
  return {
    view,
    send: (message) => socket.send(packed ? encode(message) : JSON.stringify(message)),
    drop: async () => {
      view.cut();
      socket.close();
    },
  };
}

/** A stream of events; after so many bytes it is cut, in the middle of whatever that is. */
export async function readStream(response: Response, view: CarriedView, bytes = Infinity): Promise<Connection> {
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Type")).toMatch(/^text\/event-stream\b/);
  const reader = new EventReader(new Response(firstBytes(response.body!, bytes)), view);
  const all = reader
    .until(({ ended }) => ended)
    .then(() => {
      if (bytes === Infinity) view.fail(new Error("the server ended the stream"));
      view.cut();
    })
    .catch((error: unknown) => view.fail(error));
  return {
    view,
    send: undefined,
    drop: async () => {
      view.cut();
      await reader.cancel();
      await all;
      checkIds(reader, view);
    },
  };
}

/** `id` is the position after an event that moves the client; what does not move it has none of its own. */
function checkIds(reader: EventReader, view: CarriedView): void {
  let last = "";
  for (const [i, { message, after }] of view.received.entries()) {
    const moves = message.type === "update" || (message.type === "snapshot" && message.more !== true);
    if (moves && after) last = formatPosition(after);
    expect(reader.events[i]?.id, JSON.stringify(message).slice(0, 300)).toBe(last);
  }
}

function firstBytes(body: ReadableStream<Uint8Array>, count: number): ReadableStream<Uint8Array> {
  if (count === Infinity) return body;
  let left = count;
  const scissors = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      controller.enqueue(chunk.subarray(0, left));
      left -= chunk.byteLength;
      if (left <= 0) controller.terminate();
    },
  });
  return body.pipeThrough(scissors);
}
