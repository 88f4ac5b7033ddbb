import { decode } from "@msgpack/msgpack";
import { describe, expect, test } from "vitest";
import { frameOf, ownFrameOf, type Frame } from "../../../src/durable/sockets/frames.ts";
import type { EncodedMessage } from "../../../src/feed/fanout/encoded-message.ts";

const text = '{"type":"update","from":1,"seq":2,"time":0,"updates":[]}';
const message: EncodedMessage = { type: "update", text, position: { epoch: "e1", seq: 2 }, isEmpty: false };
const unpacked = (frame: Frame | undefined): unknown => typeof frame === "object" && decode(frame);

describe("a message on a socket", () => {
  test("is its text in JSON, the same in MessagePack, an event with its position, or a signal", () => {
    expect(frameOf(message, "json")).toBe(text);
    expect(unpacked(frameOf(message, "msgpack"))).toEqual(JSON.parse(text));
    expect(frameOf(message, "sse")).toBe(`event: update\nid: e1:2\ndata: ${text}\n\n`);
    expect(frameOf(message, "signal")).toBe("changed");
  });

  test("[I6] is packed once for all who get it", () => {
    expect(frameOf(message, "msgpack")).toBe(frameOf(message, "msgpack"));
    expect(frameOf({ ...message }, "msgpack")).not.toBe(frameOf(message, "msgpack"));
  });

  test("has no id in a stream before the last part of a snapshot: a client must not resume in the middle", () => {
    const part: EncodedMessage = { ...message, type: "snapshot", position: undefined };
    expect(frameOf(part, "sse")).toBe(`event: snapshot\ndata: ${text}\n\n`);
  });

  test("that only confirms a position is no signal", () => {
    expect(frameOf({ ...message, isEmpty: true }, "signal")).toBeUndefined();
    expect(frameOf({ ...message, isEmpty: true }, "sse")).toBe(frameOf(message, "sse"));
  });

  test("to one client moves no position, and is no signal", () => {
    expect(ownFrameOf("hello", "{}", "json")).toBe("{}");
    expect(unpacked(ownFrameOf("hello", "{}", "msgpack"))).toEqual({});
    expect(ownFrameOf("hello", "{}", "sse")).toBe("event: hello\ndata: {}\n\n");
    expect(ownFrameOf("hello", "{}", "signal")).toBeUndefined();
  });
});
