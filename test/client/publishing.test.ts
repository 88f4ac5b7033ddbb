import { beforeEach, describe, expect, test, vi } from "vitest";
import { FeedPublishError, type Feed, type Receipt } from "../../src/client/index.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import type { Link, LinkEvents, Transport } from "../../src/client/transport.ts";
import { World } from "./support/world.ts";

const RECEIPT: Receipt = { feed: "stocks", epoch: "e", seq: 7, accepted: 1, stale: 0 };
const UPDATE = { key: "A", set: { n: 1 } };

let world: World;
let link: { events: LinkEvents; heard: JsonObject[] };
/** What was POSTed: idempotency key, credential and body. */
let posts: (string | null)[][];
/** The answers to POSTs in turn; nothing gets through after the last. */
let answers: Response[];

beforeEach(() => {
  world = new World();
  posts = [];
  answers = [];
  world.answer = (_, { headers, body }) => {
    const sent = new Headers(headers);
    posts.push([sent.get("idempotency-key"), sent.get("authorization"), typeof body === "string" ? body : null]);
    const answer = answers.shift();
    if (!answer) throw new TypeError("no network");
    return answer;
  };
});

const transport = (isTwoWay: boolean): Transport => ({
  isTwoWay,
  open(_, events): Link {
    const heard: JsonObject[] = [];
    link = { events, heard };
    world.at(world.now + 5, () => {
      say({ type: "hello", epoch: "e", seq: 6 });
      say({ type: "snapshot", epoch: "e", seq: 6, reason: "initial", entries: {} });
    });
    return { send: (text) => text !== "ping" && heard.push(JSON.parse(text)), close() {} };
  },
});
const say = (message: object) => link.events.message(JSON.stringify(message));

/** Lets time pass, and code that is loaded when it is needed be there. */
async function pass(ms: number): Promise<void> {
  world.promises();
  await vi.dynamicImportSettled();
  await world.pass(ms);
}

async function live(isTwoWay = true): Promise<Feed<JsonObject>> {
  const feed = world.connect({ token: "secret" }, transport(isTwoWay));
  await pass(100);
  expect(feed.state).toBe("live");
  return feed;
}

describe("publishing over a feed that is watched", () => {
  test("goes over its socket, and resolves with the receipt", async () => {
    const feed = await live();
    const value = { n: 1 };
    const receipt = feed.publish({ key: "A", set: value });
    value.n = 2;
    await pass(10);
    expect(link.heard).toMatchObject([{ type: "publish", updates: [UPDATE], idempotencyKey: expect.any(String) }]);
    say({ type: "receipt", id: 99, ...RECEIPT });
    say({ ...RECEIPT, type: "receipt", id: link.heard[0]?.["id"], feed: undefined });
    expect(await receipt).toEqual(RECEIPT);
    expect([posts, feed.state]).toEqual([[], "live"]);
  });

  test.each(["the socket ends", "no answer comes"])("if %s, it is POSTed with the same key", async (what) => {
    const feed = await live();
    answers = [Response.json({ code: "outcome_unknown" }, { status: 502 }), Response.json(RECEIPT)];
    const receipt = feed.publish(UPDATE);
    await pass(10);
    if (what === "the socket ends") link.events.closed(1012, "");
    // Until it is there again, and does not answer again.
    for (let seconds = 0; seconds < 40; seconds++) await pass(1_000);
    const key = link.heard.concat({}).at(0)?.["idempotencyKey"] ?? posts[0]?.[0];
    expect(await receipt).toEqual(RECEIPT);
    expect(posts).toEqual([key, key].map((key) => [key, "Bearer secret", JSON.stringify([UPDATE])]));
  });

  test("without a socket it is a POST", async () => {
    const feed = await live(false);
    answers = [Response.json(RECEIPT)];
    const receipt = feed.publish([UPDATE]);
    await pass(10);
    expect(await receipt).toEqual(RECEIPT);
    expect(link.heard).toEqual([]);
  });

  test("a refusal says what is wrong, and that nothing was changed", async () => {
    const feed = await live();
    const issues = [{ index: 0, path: "key", message: "is bad" }];
    const refused = feed.publish(UPDATE).catch((error: unknown) => error);
    await pass(10);
    say({ type: "error", id: link.heard[0]?.["id"], code: "invalid_update", message: "No.", issues });
    expect(await refused).toBeInstanceOf(FeedPublishError);
    expect(await refused).toMatchObject({
      code: "invalid_update",
      isApplied: false,
      issues,
      message: "No. (invalid_update)",
    });
  });

  test("what gets no answer for a minute may have been applied", async () => {
    const feed = await live(false);
    const lost = feed.publish(UPDATE).catch((error: unknown) => error);
    for (let seconds = 0; seconds < 100; seconds++) await pass(1_000);
    expect(await lost).toMatchObject({ name: "FeedPublishError", isApplied: undefined, code: undefined });
    expect(new Set(posts.map(([key]) => key)).size).toBe(1);
    expect(posts.length).toBeLessThan(30);
  });

  test("what no server could take is refused at once", async () => {
    const feed = await live();
    await expect(feed.publish({ key: "A", patch: { n: Number.NaN } })).rejects.toBeInstanceOf(RangeError);
  });
});
