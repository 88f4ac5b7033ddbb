import { describe, expect, test } from "vitest";
import { post, snapshot } from "../support/api.ts";
import { TestSubscriber, upgrade } from "../support/subscriber.ts";
import { CALLERS, echoes, FEED, verdict, type Caller } from "./callers.ts";

const READING = "public";
const ROWS = CALLERS.map((caller) => [caller.who, caller] as const);
/** Callers whose sockets open: if reading is public, all but those with an invalid credential. */
const OPENING = ROWS.filter(([, caller]) => verdict(caller, "subscribe", READING) === "allowed");
/** One of each kind: nothing, less than another, and everything. */
const BEFORE_AUTH = new Set([
  "an anonymous caller",
  "a token to subscribe",
  "a publish key",
  "a token of an administrator",
]);

function mayPublish(caller: Caller): boolean {
  return verdict(caller, "publish", READING) === "allowed";
}

type Placed = [query: string, headers: Record<string, string>];
const WAYS: [way: string, put: (credential: string) => Placed][] = [
  ["header", (credential) => ["", { Authorization: `Bearer ${credential}` }]],
  ["subprotocol", (credential) => ["", { "Sec-WebSocket-Protocol": `bearer.${credential}` }]],
  ["query", (credential) => [`?token=${credential}`, {}]],
];

async function connect({ credential }: Caller, way = WAYS[0]!): Promise<TestSubscriber> {
  const [query, headers]: Placed = credential === undefined ? ["", {}] : way[1](credential);
  const subscriber = await TestSubscriber.connect(FEED, query, headers);
  await subscriber.message("snapshot");
  return subscriber;
}

/** Publishes over the socket, and holds what comes of it against what the caller may do. */
async function publishes(subscriber: TestSubscriber, caller: Caller, id: number): Promise<void> {
  const { seq } = await snapshot(FEED);
  subscriber.send({ type: "publish", id, updates: [{ key: "A", patch: { id } }] });
  if (mayPublish(caller)) {
    expect(await subscriber.message("receipt", id)).toMatchObject({ seq: seq + 1, accepted: 1 });
    return;
  }
  expect(await subscriber.message("error", id)).toMatchObject({ code: "forbidden" });
  expect((await snapshot(FEED)).seq).toBe(seq);
}

/** Neither a message nor the reason of a close may reveal a credential. */
function saysNothing(subscriber: TestSubscriber, ...callers: Caller[]): void {
  const said = `${subscriber.raw.join("\n")}${subscriber.protocol ?? ""}${subscriber.closed?.reason ?? ""}`;
  for (const caller of callers) expect(echoes(caller, said)).toBe(false);
}

describe.each(WAYS)("on a socket opened with a credential by %s", (...way) => {
  test.each(OPENING)("%s may subscribe and acknowledge, and publish if it may elsewhere", async (_, caller) => {
    await post(FEED, { key: "A", set: { p: 1 } });
    const subscriber = await connect(caller, way);
    subscriber.send({ type: "ack", id: 1, seq: 1 });
    subscriber.send({ type: "subscribe", id: 2, keys: ["A"] });
    expect(await subscriber.message("snapshot", 2)).toMatchObject({ reason: "subscribe" });
    await publishes(subscriber, caller, 3);
    // It stays open, and goes on getting updates.
    const { seq } = await (await post(FEED, { key: "A", set: { p: 2 } })).json<{ seq: number }>();
    await subscriber.reaches(seq);
    expect(subscriber.closed).toBeUndefined();
    saysNothing(subscriber, caller);
    subscriber.close();
  });
});

describe.each(OPENING.filter(([who]) => BEFORE_AUTH.has(who)))("a socket of %s", (_, caller) => {
  test.each(ROWS.filter(([, other]) => other.credential !== undefined))(
    "is, after auth, one of %s",
    async (_who, other) => {
      const subscriber = await connect(caller);
      subscriber.send({ type: "auth", id: 1, token: other.credential });
      if (verdict(other, "subscribe", READING) === "allowed") {
        const answer = await subscriber.message("authorized", 1);
        expect(answer.expires ?? Infinity).toBeGreaterThan(Date.now());
        await publishes(subscriber, other, 2);
        expect(subscriber.closed).toBeUndefined();
      } else {
        await subscriber.until(({ closed }) => closed !== undefined, "the close");
        expect(subscriber.closed?.code).toBe(4401);
        expect(subscriber.messages.some(({ type }) => type === "authorized")).toBe(false);
      }
      saysNothing(subscriber, caller, other);
      subscriber.close();
    },
  );
});

test.each(OPENING.filter(([, caller]) => !mayPublish(caller)))(
  "%s who goes on publishing all the same is closed with 4403, and nothing is published",
  async (_, caller) => {
    const { seq } = await snapshot(FEED);
    const subscriber = await connect(caller);
    for (let i = 0; i < 20; i++) subscriber.send({ type: "publish", updates: [{ key: "A", set: { i } }] });
    await subscriber.until(({ closed }) => closed !== undefined, "the close");
    expect(subscriber.closed?.code).toBe(4403);
    expect((await snapshot(FEED)).seq).toBe(seq);
  },
);

test.each([
  ["wrong", "wrong-key-of-no-one"],
  ["empty", ""],
  ["the whole list of keys", "publish-key,publish-key-next"],
])(
  "a message sent together with a credential that is %s is not accepted before the socket closes",
  async (_, token) => {
    const publisher = CALLERS.find(({ who }) => who === "a publish key")!;
    const { seq } = await snapshot(FEED);
    const subscriber = await connect(publisher);
    subscriber.send({ type: "auth", id: 1, token });
    subscriber.send({ type: "publish", id: 2, updates: [{ key: "A", set: { late: true } }] });
    await subscriber.until(({ closed }) => closed !== undefined, "the close");
    expect(subscriber.closed).toMatchObject({ code: 4401, reason: expect.not.stringContaining("publish-key") });
    expect((await snapshot(FEED)).seq).toBe(seq);
  },
);

test.each(ROWS.filter(([, caller]) => verdict(caller, "subscribe", READING) !== "allowed"))(
  "%s gets no socket, and no subprotocol chosen",
  async (_, caller) => {
    for (const [, how] of WAYS) {
      const response = await upgrade(FEED, ...how(caller.credential ?? ""));
      expect([response.status, response.webSocket, response.headers.get("Sec-WebSocket-Protocol")]).toEqual([
        401,
        null,
        null,
      ]);
      expect(echoes(caller, await response.text())).toBe(false);
    }
  },
);
