import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ADMIN_KEY, bearer, post, publish, PUBLISH_KEY, request, snapshot, type ProblemBody } from "../support/api.ts";
import { problem } from "../support/http.ts";
import { TestSubscriber } from "../support/subscriber.ts";
import { token } from "../support/tokens.ts";
import { changing } from "./worker.ts";

interface Document {
  readonly "x-feeds": Record<string, object>;
  readonly components: { readonly schemas: Record<string, { readonly required: string[] }> };
}

const reading = async (feed: string, credential?: string): Promise<number> => {
  const response = await request(`/v1/feeds/${feed}`, { headers: credential ? bearer(credential) : {} });
  await response.body?.cancel();
  return response.status;
};

const listed = async (headers = {}): Promise<string[]> => {
  const { feeds } = await (await request("/v1/feeds", { headers })).json<{ feeds: { feed: string }[] }>();
  return feeds.map(({ feed }) => feed);
};

/** Where a patch of `P` is refused. */
const refused = async (patch: object): Promise<string | undefined> => {
  const response = await post("stocks", { key: "P", patch });
  expect(response.status).toBe(422);
  return (await response.json<ProblemBody>()).issues?.[0]?.path;
};

const unfit = async (): Promise<unknown> =>
  (await (await request("/v1/feeds/tightened/stats")).json<{ unfit?: number }>()).unfit;

describe("[DECL1] the feeds that are served", () => {
  test("are those that are declared, by name or pattern", async () => {
    expect(await reading("stocks")).toBe(200);
    expect(await reading("team-open")).toBe(200);
    await problem(await request("/v1/feeds/stock"), "not_found");
    await problem(await post("teams", { key: "A", set: {} }), "not_found");
  });

  test("work alike where the app is mounted under a path", async () => {
    await publish("stocks", { key: "MOUNTED", set: { last: 1 } });
    const { entries } = await (await request("/live/v1/feeds/stocks?keys=MOUNTED")).json<{ entries: object }>();
    expect(entries).toEqual({ MOUNTED: { last: 1 } });
  });
});

describe("[DECL2] who may read and publish", () => {
  test("is declared for each feed: a name of its own counts before a pattern", async () => {
    expect(await reading("team-1")).toBe(401);
    expect(await reading("team-1", await token("subscribe:stocks"))).toBe(403);
    expect(await reading("team-1", await token("subscribe:team-*"))).toBe(200);
    expect(await reading("team-open")).toBe(200);
    const socket = await request("/v1/feeds/team-1", { headers: { Upgrade: "websocket" } });
    expect(socket.status).toBe(401);
  });

  test("and a list shows each caller what it may read", async () => {
    await publish("team-open", { key: "A", set: { note: "hi" } });
    await publish("team-listed", { key: "A", set: { note: "hi" } });
    expect(await listed()).toContain("team-open");
    expect(await listed()).not.toContain("team-listed");
    expect(await listed(bearer(await token("subscribe:team-*")))).toContain("team-listed");
  });

  test("a feed that only code publishes to takes nothing of a key or token, over POST or a socket, but of an admin's key", async () => {
    await problem(await post("derived", { key: "A", set: { sum: 1 } }), "forbidden");
    const credential = await token("publish:derived");
    await problem(await post("derived", { key: "A", set: { sum: 1 } }, bearer(credential)), "forbidden");
    const subscriber = await TestSubscriber.connect("derived", "", bearer(credential));
    subscriber.send({ type: "publish", id: 1, updates: [{ key: "A", set: { sum: 1 } }] });
    expect(await subscriber.message("error")).toMatchObject({ code: "forbidden" });
    subscriber.close();
    expect((await post("derived", { key: "A", set: { sum: 1 } }, bearer(ADMIN_KEY))).status).toBe(200);
  });
});

describe("[DECL3] values", () => {
  test.each([
    ["valibot", "stocks", { last: 1 }, { last: "1" }, "set.last"],
    [
      "valibot",
      "stocks",
      { last: 1, bid: { levels: [1] } },
      { last: 1, bid: { levels: [1, "2"] } },
      "set.bid.levels[1]",
    ],
    ["zod", "bonds", { last: 1 }, { last: null }, "set.last"],
    ["arktype", "scores", { home: 1, away: 0 }, { home: 1 }, "set.away"],
  ])("are checked by a schema of %s, in %s", async (_, feed, good, bad, path) => {
    await publish(feed, { key: "A", set: good });
    const batch = [
      { key: "B", set: good },
      { key: "A", set: bad },
    ];
    const { issues } = await problem(await post(feed, batch), "invalid_update");
    expect(issues).toEqual([{ index: 1, path, message: expect.stringMatching(/\S/) }]);
    const { entries } = await snapshot(feed, "?keys=A,B");
    expect(entries).toEqual({ A: good });
  });

  test("are what an update would make: a patch may neither take away nor add what is wrong", async () => {
    await publish("stocks", { key: "P", set: { last: 1 } });
    expect(await refused({ last: null })).toBe("patch.last");
    expect(await refused({ bid: { levels: "none" } })).toBe("patch.bid.levels");
    expect((await post("stocks", { key: "NEW", patch: { bid: { levels: [] } } })).status).toBe(422);
    await publish("stocks", { key: "P", patch: { last: 2, bid: { levels: [1] } } });
    await publish("stocks", { key: "P", delete: true });
    // Only what there is after the batch counts.
    await publish("stocks", [
      { key: "P", patch: { bid: { levels: [2] } } },
      { key: "P", patch: { last: 3 } },
    ]);
    expect((await snapshot("stocks", "?keys=P")).entries).toEqual({ P: { last: 3, bid: { levels: [2] } } });
  });

  test("are checked for one batch as far as there is time: patches of very many large ones are refused, and fewer are not", async () => {
    const keys = Array.from({ length: 54 }, (_, i) => `L${i}`);
    for (let at = 0; at < keys.length; at += 16) {
      const large = { last: 1, note: "x".repeat(60_000) };
      await publish(
        "stocks",
        keys.slice(at, at + 16).map((key) => ({ key, set: large })),
      );
    }
    const patches = keys.map((key) => ({ key, patch: { last: 2 } }));
    const { issues } = await problem(await post("stocks", patches), "invalid_update");
    expect(issues).toEqual([{ index: 49, path: "patch", message: expect.stringContaining("publish fewer at once") }]);
    await publish("stocks", patches.slice(0, 49));
    await publish(
      "stocks",
      keys.map((key) => ({ key, delete: true })),
    );
  });

  test("are checked over a socket too", async () => {
    const subscriber = await TestSubscriber.connect("stocks", "?keys=SOCKET", bearer(PUBLISH_KEY));
    subscriber.send({ type: "publish", id: 1, updates: [{ key: "SOCKET", set: { last: "1" } }] });
    expect(await subscriber.message("error")).toMatchObject({
      code: "invalid_update",
      issues: [{ index: 0, path: "set.last" }],
    });
    subscriber.close();
  });

  test("are refused in few words, however long what is wrong with them is", async () => {
    const { issues } = await problem(
      await post("stocks", { key: "LONG", set: { last: "x".repeat(60_000) } }),
      "invalid_update",
    );
    expect(issues).toEqual([{ index: 0, path: "set.last", message: expect.stringMatching(/^.{10,260}$/) }]);
  });

  test("stand in both documents as JSON Schema, where the library can say it and anyone may read the feed", async () => {
    for (const path of ["/openapi.json", "/asyncapi.json"]) {
      const text = await (await request(path)).text();
      expect(text).not.toMatch(/secrets|combination/);
      const document: Document = JSON.parse(text);
      expect(Object.keys(document["x-feeds"]).toSorted()).toEqual(["bonds", "scores", "stocks"]);
      expect(document["x-feeds"]["stocks"]).toEqual({ $ref: "#/components/schemas/Values.stocks" });
      for (const feed of ["stocks", "bonds"]) {
        expect(document.components.schemas[`Values.${feed}`]).toMatchObject({
          type: "object",
          required: ["last"],
          properties: { last: { type: "number" } },
        });
      }
      expect(document.components.schemas["Values.scores"]?.required.toSorted()).toEqual(["away", "home"]);
    }
  });
});

describe("[DECL4] a schema", () => {
  afterEach(() => {
    Object.assign(changing, { most: Infinity, schema: undefined });
  });

  test("that was made stricter leaves what is stored alone, and stats count it", async () => {
    await publish("tightened", [
      { key: "A", set: { price: 1 } },
      { key: "B", set: { price: 10 } },
      { key: "C", set: { price: 20 } },
    ]);
    expect(await unfit()).toBe(0);
    changing.most = 5;
    await evictDurableObject(env.FEEDS.getByName("tightened"));
    expect((await snapshot("tightened")).entries).toEqual({ A: { price: 1 }, B: { price: 10 }, C: { price: 20 } });
    expect(await unfit()).toBe(2);
    await problem(await post("tightened", { key: "B", patch: { note: "x" } }), "invalid_update");
    await publish("tightened", { key: "B", set: { price: 2 } });
    expect(await unfit()).toBe(1);
    await publish("tightened", { key: "C", delete: true });
    expect(await unfit()).toBe(0);
  });

  test.each(["fails", "waits"] as const)("that %s refuses what it was asked of, and the log says so", async (how) => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    changing.schema = how;
    const { issues } = await problem(await post("tightened", { key: "D", set: { price: 1 } }), "invalid_update");
    expect(issues).toEqual([{ index: 0, path: "set", message: "cannot be checked: the feed's schema failed" }]);
    expect(log).toHaveBeenCalledWith("tickertape: the schema of the feed tightened failed", expect.any(Error));
    log.mockRestore();
  });
});

describe("[DECL5] limits and times", () => {
  test("are those of the feed: keys, rate, and how long entries live that do not say it", async () => {
    await publish("team-limits", [
      { key: "A", set: { note: "1" } },
      { key: "B", set: { note: "2" }, ttl: 60 },
    ]);
    await problem(await post("team-limits", { key: "C", set: { note: "3" } }), "feed_full");
    const history = await request("/v1/feeds/team-limits/history?key=A", { headers: bearer(ADMIN_KEY) });
    const { updates } = await history.json<{ updates: { ttl?: number }[] }>();
    expect(updates).toMatchObject([{ ttl: 3_600 }]);
    const other = await request("/v1/feeds/team-limits/history?key=B", { headers: bearer(ADMIN_KEY) });
    expect((await other.json<{ updates: unknown[] }>()).updates).toMatchObject([{ ttl: 60 }]);
    for (let i = 0; i < 2; i++) await publish("slow", { key: "A", set: { i } });
    await problem(await post("slow", { key: "A", set: {} }), "rate_limited");
  });

  test("hello says after how many seconds the feed is silent, if that is declared", async () => {
    const stocks = await TestSubscriber.connect("stocks");
    expect(await stocks.message("hello")).toMatchObject({ silentAfter: 30 });
    stocks.close();
    const scores = await TestSubscriber.connect("scores");
    expect(await scores.message("hello")).not.toHaveProperty("silentAfter");
    scores.close();
  });
});
