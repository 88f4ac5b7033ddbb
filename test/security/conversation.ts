import { expect } from "vitest";
import { PROBLEMS } from "../../src/protocol/codes.ts";
import { TestSubscriber, type Message } from "../support/subscriber.ts";
import { CANARY } from "./requests.ts";

const CODES = ["invalid_message", ...Object.keys(PROBLEMS)];

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

/** Sends each frame and then a good one, on a new socket where one was closed, and holds all answers against the contract. */
export async function speak(
  feed: string,
  frames: readonly (string | ArrayBufferLike)[],
  headers: () => Promise<Record<string, string>>,
): Promise<void> {
  const connect = async (): Promise<TestSubscriber> => TestSubscriber.connect(feed, "", await headers());
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
