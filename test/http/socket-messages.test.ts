import { describe, expect, test } from "vitest";
import { LIMITS } from "../../src/protocol/limits.ts";
import { newFeed, publish } from "../support/api.ts";
import { TestSubscriber } from "../support/subscriber.ts";

const MIB = 1024 * 1024;
const DEEP = 30_000;

/** Bad messages with what is said of each. Where it is an object, id 7 is sent with it and has to come back. */
const BAD: [what: string, message: unknown, says: RegExp][] = [
  ["junk", "junk", /^the text is not valid JSON$/],
  ["nothing", "", /^there is no text$/],
  ["half a message", '{"type":"ack"', /^the text is not valid JSON$/],
  ["an array", "[]", /^the message is not a JSON object$/],
  ["an array of a message", '[{"type":"ack","seq":1}]', /^the message is not a JSON object$/],
  ["null", "null", /^the message is not a JSON object$/],
  ["a number", "7", /^the message is not a JSON object$/],
  ["30,000 nested arrays", "[".repeat(DEEP) + "]".repeat(DEEP), /^the message is not a JSON object$/],
  ["a binary frame", new TextEncoder().encode('{"type":"ack","seq":1}').buffer, /binary/],
  ["no type", {}, /^type is none of subscribe, publish, auth, ack$/],
  ["an unknown type", { type: "unsubscribe" }, /^type is none of subscribe, publish, auth, ack$/],
  ["a type that is an array", { type: ["ack"] }, /^type is none of/],
  ["a type of Object.prototype's", { type: "constructor" }, /^type is none of/],
  ["a server's message", { type: "update", from: 0, seq: 1, updates: [] }, /^type is none of/],
  ["keys that are no array", { type: "subscribe", keys: "A" }, /^keys is not an array$/],
  ["keys that are null", { type: "subscribe", keys: null }, /^keys is not an array$/],
  ["a key that is a number", { type: "subscribe", keys: ["A", 1] }, /^keys\[1\] is not a string$/],
  ["an empty key", { type: "subscribe", keys: ["A", "B", ""] }, /^keys\[2\] is empty$/],
  ["a key with a comma", { type: "subscribe", keys: ["A,B"] }, /^keys\[0\] contains/],
  ["a pattern with its asterisk inside", { type: "subscribe", keys: ["a*b"] }, /^keys\[0\] contains/],
  ["a key that is too long", { type: "subscribe", keys: ["k".repeat(129)] }, /^keys\[0\] is longer than 128/],
  [
    "too many keys",
    { type: "subscribe", keys: Array.from({ length: 1_001 }, (_, i) => `${i}`) },
    /^keys has more than 1000/,
  ],
  [
    "keys that are too long together",
    { type: "subscribe", keys: Array.from({ length: 999 }, (_, i) => `k${i}`.padEnd(30, "x")) },
    /^keys is longer/,
  ],
  ["hz of 0", { type: "subscribe", hz: 0 }, /^hz is below 0\.1$/],
  ["hz over 60", { type: "subscribe", hz: 60.5 }, /^hz is above 60$/],
  ["hz as a string", { type: "subscribe", hz: "4" }, /^hz is not a number$/],
  ["hz that is null", { type: "subscribe", hz: null }, /^hz is not a number$/],
  ["another mode", { type: "subscribe", mode: "newest" }, /^mode is neither latest nor all$/],
  ["an unknown member", { type: "subscribe", kyes: ["A"] }, /^kyes is not a known member$/],
  ["no updates", { type: "publish" }, /^updates is missing$/],
  ["updates that are no array", { type: "publish", updates: {} }, /^updates is not an array$/],
  [
    "1,001 updates",
    { type: "publish", updates: Array.from({ length: 1_001 }, () => 0) },
    /^updates has more than 1000/,
  ],
  ["no token", { type: "auth" }, /^token is missing$/],
  ["a token that is a number", { type: "auth", token: 1 }, /^token is not a string$/],
  ["no seq", { type: "ack" }, /^seq is missing$/],
  ["a seq as a string", { type: "ack", seq: "1" }, /^seq is not a number$/],
  ["half a seq", { type: "ack", seq: 1.5 }, /^seq is not a whole number$/],
  ["a seq below 0", { type: "ack", seq: -1 }, /^seq is below 0$/],
  ["an unknown member of an ack", { type: "ack", seq: 1, more: true }, /^more is not a known member$/],
  ["a member named constructor", { type: "ack", seq: 1, constructor: 1 }, /^constructor is not a known member$/],
];

function withId(message: unknown): { frame: unknown; id: number | undefined } {
  const isPlain = typeof message === "object" && message !== null && !(message instanceof ArrayBuffer);
  return isPlain ? { frame: { ...message, id: 7 }, id: 7 } : { frame: message, id: undefined };
}

describe("[MSG1] a bad message gets an error, and the socket stays open and gets updates", () => {
  const feed = newFeed();

  test.each(BAD)("%s", async (_, message, says) => {
    const subscriber = await TestSubscriber.connect(feed);
    const { frame, id } = withId(message);
    subscriber.send(frame);
    const error = await subscriber.message("error");
    expect(error).toEqual({
      type: "error",
      ...(id !== undefined && { id }),
      code: "invalid_message",
      message: expect.stringMatching(says),
    });
    const { seq } = await publish(feed, { key: "A", set: { p: 1 } });
    await subscriber.reaches(seq);
    expect(subscriber.state()).toEqual({ A: { p: 1 } });
    subscriber.close();
  });

  test.each([
    ["a string", '"7"'],
    ["null", "null"],
    ["past the doubles", "1e999"],
    ["an array", "[7]"],
  ])("an id that is %s is refused, and the error has none", async (_, id) => {
    const subscriber = await TestSubscriber.connect(feed);
    subscriber.send(`{"type":"ack","seq":0,"id":${id}}`);
    expect(await subscriber.message("error")).toEqual({
      type: "error",
      code: "invalid_message",
      message: "id is not a number",
    });
  });

  test.each([0, -1, 1.5, 2 ** 53])("the id %d comes back as it was sent", async (id) => {
    const subscriber = await TestSubscriber.connect(feed);
    subscriber.send({ type: "nothing", id });
    expect((await subscriber.message("error")).id).toBe(id);
  });
});

describe("[MSG1] a client that keeps sending bad messages", () => {
  test("is closed with 4400", async () => {
    const subscriber = await TestSubscriber.connect(newFeed());
    for (let i = 0; i < LIMITS.badMessages; i++) subscriber.send("junk");
    await subscriber.until(({ closed }) => closed !== undefined, "the close");
    expect(subscriber.closed?.code).toBe(4400);
    expect(subscriber.messages.filter(({ type }) => type === "error")).toHaveLength(LIMITS.badMessages);
  });

  test.each([
    ["subscribe", { type: "subscribe", id: 1, keys: ["A"] }, "snapshot"],
    ["auth", { type: "auth", id: 1, token: "publish-key" }, "authorized"],
  ])("but sends a good one in between, is not: %s", async (_, good, answer) => {
    const subscriber = await TestSubscriber.connect(newFeed());
    for (let round = 1; round <= 3; round++) {
      for (let i = 1; i < LIMITS.badMessages && !subscriber.closed; i++) subscriber.send("junk");
      if (subscriber.closed) break;
      subscriber.send({ ...good, id: round });
      await subscriber.until(
        ({ closed, messages }) =>
          closed !== undefined || messages.some(({ type, id }) => type === answer && id === round),
        "the answer",
      );
    }
    expect(subscriber.closed).toBeUndefined();
  });
});

describe("[MSG2] a long message", () => {
  test("of 64 KiB is read, and one that is longer is refused unread", async () => {
    const subscriber = await TestSubscriber.connect(newFeed());
    subscriber.send('{"type":"subscribe","id":1}'.padEnd(LIMITS.messageBytes, " "));
    expect(await subscriber.message("snapshot", 1)).toMatchObject({ reason: "subscribe" });
    subscriber.send("x".repeat(LIMITS.messageBytes + 1));
    expect(await subscriber.message("error")).toMatchObject({ code: "too_large" });
  });

  test("of 1 MiB is read where it publishes, and else refused", async () => {
    const feed = newFeed();
    const subscriber = await TestSubscriber.connect(feed, "", { Authorization: "Bearer publish-key" });
    subscriber.send('{"type":"subscribe","id":1}'.padEnd(LIMITS.messageBytes + 1, " "));
    expect(await subscriber.message("error", 1)).toMatchObject({ code: "too_large" });
    subscriber.send('{"type":"publish","id":2,"updates":[{"key":"A","set":{}}]}'.padEnd(MIB, " "));
    expect(await subscriber.message("receipt", 2)).toMatchObject({ accepted: 1 });
  });

  test.each([
    ["characters", "x".repeat(LIMITS.frameBytes + 1)],
    ["characters of three bytes", "€".repeat(Math.ceil(LIMITS.frameBytes / 3) + 1)],
    ["characters of a good message", '{"type":"subscribe","id":1}'.padEnd(LIMITS.frameBytes + 1, " ")],
  ])("of more %s closes the socket with 1009", async (_, frame) => {
    const subscriber = await TestSubscriber.connect(newFeed());
    await subscriber.message("snapshot");
    subscriber.send(frame);
    await subscriber.until(
      ({ closed, messages }) => closed !== undefined || messages.some(({ type }) => type === "error"),
    );
    expect(subscriber.closed?.code).toBe(1009);
  });
});

test("[MSG3] an ack is not answered", async () => {
  const feed = newFeed();
  await publish(feed, { key: "A", set: {} });
  const subscriber = await (await TestSubscriber.connect(feed)).reaches(1);
  subscriber.send({ type: "ack", seq: 1 });
  // Messages are answered in order: what comes next is the answer to this one.
  subscriber.send({ type: "nonsense", id: 7 });
  await subscriber.until(({ messages }) => messages.some(({ type }) => type === "error"), "an error");
  expect(subscriber.messages.map(({ type, id }) => [type, id])).toEqual([
    ["hello", undefined],
    ["snapshot", undefined],
    ["error", 7],
  ]);
});
