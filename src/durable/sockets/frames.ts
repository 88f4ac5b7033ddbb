import type { EncodedMessage } from "../../feed/fanout/encoded-message.ts";
import { encodeEvent } from "../../protocol/server-messages.ts";
import { packMessage } from "../../protocol/msgpack-frames.ts";

/**
 * How a socket's messages are written. `json` and `msgpack` are for clients, by their subprotocol. The other two are for
 * transports that read the socket in the Worker: `sse` is the text of the stream's events, `signal` only a sign that
 * something has changed.
 */
export const SOCKET_FORMATS = ["json", "msgpack", "sse", "signal"] as const;
export type SocketFormat = (typeof SOCKET_FORMATS)[number];

export type Frame = string | Uint8Array;

/** The frame that says that something has changed. */
const CHANGED = "changed";

const packed = new WeakMap<EncodedMessage, Frame>();

/**
 * A message for subscribers as a frame; undefined if a socket of this format gets none. MessagePack is encoded once for
 * all who get it. The frame of an event is made for each: to join three texts costs less than to send them, and kept with
 * the message it would take its memory twice.
 */
export function frameOf(message: EncodedMessage, format: SocketFormat): Frame | undefined {
  if (format === "json") return message.text;
  if (format === "sse") return encodeEvent(message.type, message.text, message.position);
  if (format === "signal") return message.isEmpty ? undefined : CHANGED;
  let frame = packed.get(message);
  if (frame === undefined) packed.set(message, (frame = packMessage(message.text)));
  return frame;
}

/** The same for a message to one client, which tells of no change: `hello`, and the answers to the client's messages. */
export function ownFrameOf(type: "hello" | "error" | "answer", text: string, format: SocketFormat): Frame | undefined {
  if (format === "json") return text;
  if (format === "sse") return encodeEvent(type, text);
  return format === "signal" ? undefined : packMessage(text);
}
