import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PROBLEMS } from "../../src/protocol/codes.ts";
import { jsonText, key, objectText } from "../protocol/arbitraries.ts";
import { PUBLISH_KEY } from "../support/api.ts";
import { runs } from "../support/runs.ts";
import { TestSubscriber, type Message } from "../support/subscriber.ts";
import { token } from "../support/tokens.ts";
import { nothingPolluted, withstood } from "./watched.ts";
import { mutatedText } from "./mutations.ts";
import { CANARY } from "./requests.ts";

const SEED = 20_264;
const LONG = { timeout: 600_000 };
const MIB = 1024 * 1024;

const CODES = ["invalid_message", ...Object.keys(PROBLEMS)];
const encoder = new TextEncoder();

const id = fc.constantFrom("", ',"id":1', ',"id":-0', ',"id":1e308', ',"id":9007199254740993');
const subscribe = fc
  .tuple(fc.array(key, { maxLength: 4 }), fc.constantFrom("", ',"hz":4', ',"mode":"all"', ',"hz":0.1,"mode":"latest"'))
  .map(([keys, more]) => `{"type":"subscribe","keys":${JSON.stringify(keys)}${more}`);
const publish = fc
  .array(fc.tuple(key, fc.constantFrom("set", "patch"), objectText), { minLength: 1, maxLength: 3 })
  .map((updates) => updates.map(([key, change, value]) => `{"key":${JSON.stringify(key)},"${change}":${value}}`))
  .map((updates) => `{"type":"publish","updates":[${updates.join()}]`);
const ack = fc.nat({ max: 100 }).map((seq) => `{"type":"ack","seq":${seq}`);
const auth = fc.constant(`{"type":"auth","token":"${CANARY}"`);
const good = fc.tuple(fc.oneof(subscribe, publish, ack), id).map(([text, id]) => `${text}${id}}`);

const frame = fc.oneof(
  { weight: 6, arbitrary: mutatedText(good) },
  { weight: 1, arbitrary: good },
  { weight: 1, arbitrary: mutatedText(auth.map((text) => `${text}}`)) },
  { weight: 1, arbitrary: jsonText },
  { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
  { weight: 1, arbitrary: mutatedText(good).map((text) => encoder.encode(text).slice().buffer) },
);
type Frame = string | ArrayBufferLike;

/** What the contract has of each message that comes to a client, by its type. */
const SHAPES: Record<string, (message: Message) => void> = {
  hello: (message) => expect(message).toMatchObject({ protocol: "tickertape.v1", epoch: expect.any(String) }),
  snapshot: (message) => expect(message).toMatchObject({ epoch: expect.any(String), entries: expect.any(Object) }),
  update: (message) => expect(message).toMatchObject({ from: expect.any(Number), updates: expect.any(Array) }),
  receipt: (message) => expect(message).toMatchObject({ seq: expect.any(Number), accepted: expect.any(Number) }),
  error: ({ code, message }) => {
    expect(CODES).toContain(code);
    expect(code).not.toBe("overloaded");
    expect(message).toMatch(/\S/);
    expect(message).not.toMatch(/\bat \w+ \(|\.ts:|TypeError|undefined|\[object/);
  },
  authorized: () => expect.unreachable("an invalid credential was accepted"),
};

/** Another caller each time: one that has sent too much gets no socket for a while. */
function anotherCaller(): Promise<string> {
  return token("publish:*", { claims: { sub: crypto.randomUUID() } });
}

/** Sends the frames, on a new socket where one was closed, and sees every answer. */
async function speak(feed: string, frames: readonly Frame[], credential: () => Promise<string>): Promise<void> {
  const connect = async (): Promise<TestSubscriber> =>
    TestSubscriber.connect(feed, "", { Authorization: `Bearer ${await credential()}` });
  let subscriber = await connect();
  for (const [i, frame] of frames.entries()) {
    const sync = 10_000_000 + i;
    subscriber.send(frame);
    subscriber.send({ type: "subscribe", id: sync, keys: ["none"] });
    await subscriber.until(
      ({ closed, messages }) => closed !== undefined || messages.some(({ id }) => id === sync),
      "an answer",
    );
    if (subscriber.closed || i === frames.length - 1) check(subscriber);
    if (subscriber.closed) subscriber = await connect();
  }
  subscriber.close();
}

function check({ raw, messages, closed }: TestSubscriber): void {
  for (const message of messages) {
    expect(Object.keys(SHAPES)).toContain(message.type);
    SHAPES[message.type]?.(message);
  }
  if (closed) expect([4400, 4401, 4403, 4429, 1009]).toContain(closed.code);
  expect(`${raw.join("\n")}${closed?.reason ?? ""}`).not.toContain(CANARY);
}

describe("frames on a socket", () => {
  test("of any kind are answered properly, if the caller may publish", LONG, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 40, maxLength: 40 }), (frames) =>
        withstood(({ feed }) => speak(feed, frames, async () => PUBLISH_KEY)),
      ),
      { numRuns: runs(11), seed: SEED },
    );
  });

  test("of any kind change nothing, if the caller may not publish", LONG, async () => {
    const credential = await token("subscribe:*");
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 40, maxLength: 40 }), (frames) =>
        withstood(async (watched) => {
          await speak(watched.feed, frames, async () => credential);
          await watched.isUnchanged();
        }),
      ),
      { numRuns: runs(5), seed: SEED },
    );
  });

  test("that are huge or deep are answered in time or close the socket", LONG, async () => {
    const deep = fc.integer({ min: 33, max: 100_000 }).map((n) => {
      const inside = "[".repeat(n) + "]".repeat(n);
      return (
        [
          `{"type":"publish","updates":${inside}}`,
          `{"type":${inside}}`,
          `{"type":"publish","updates":[{"key":"A","set":{"p":${inside}}}]}`,
          `{"type":"subscribe","keys":${inside}}`,
          '{"id":'.repeat(n),
        ][n % 5] ?? ""
      );
    });
    const long = fc.integer({ min: MIB - 2, max: MIB + 50_000 }).map((n) => '{"type":"ack","seq":1}'.padEnd(n));
    const bytes = fc.integer({ min: 1, max: MIB + 50_000 }).map((n) => new Uint8Array(n).buffer);
    const many = fc
      .integer({ min: 1_000, max: 20_000 })
      .map((n) => `{"type":"subscribe",${Array.from({ length: n }, (_, i) => `"m${i}":0`).join()}}`);
    const keys = fc
      .integer({ min: 1, max: 5_000 })
      .map((n) => JSON.stringify({ type: "subscribe", keys: Array.from({ length: n }, (_, i) => `key ${i}*`) }));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(deep, long, bytes, many, keys), { minLength: 10, maxLength: 10 }), (frames) =>
        withstood(async ({ feed }) => {
          const began = performance.now();
          await speak(feed, frames, anotherCaller);
          expect(performance.now() - began).toBeLessThan(10_000);
        }),
      ),
      { numRuns: runs(4), seed: SEED },
    );
    nothingPolluted();
  });
});
