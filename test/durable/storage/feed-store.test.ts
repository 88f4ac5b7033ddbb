import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { newFeed, post, publish, request, snapshot } from "../../support/api.ts";
import { TestSubscriber } from "../../support/subscriber.ts";
import { evict } from "../evictions.ts";

describe("[I1] what was acknowledged survives a loss of memory", () => {
  test("entries, deletions, versions, epoch and seq", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, [
      { key: "A", set: { p: 1, __proto__: 2 }, version: 5 },
      { key: "B", set: { p: 2 } },
      { key: 'tab\u00a0"é"', set: { text: 'line\nbreak\t"tab" \u2028 😀' } },
      { key: "B", delete: true },
    ]);
    const before = await snapshot(feed);
    await evict(feed);
    expect(await snapshot(feed)).toEqual(before);
    expect(before).toMatchObject({ epoch, seq: 4 });
    expect(await publish(feed, { key: "A", set: {}, version: 5 })).toMatchObject({ accepted: 0, stale: 1, seq: 4 });
  });

  test("everything over checkpoints and restarts, while storage stays bounded", async () => {
    const feed = newFeed();
    const text = "x".repeat(2000);
    let retry: (() => Promise<Response>) | undefined;
    let receipt: unknown;
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 4; i++) {
        const batch = Array.from({ length: 50 }, (_, k) => ({ key: `k${k}`, set: { text, n: round * 4 + i } }));
        const send = (): Promise<Response> => post(feed, batch, { "Idempotency-Key": `${round}/${i}` });
        const response = await send();
        expect(response.status).toBe(200);
        if (round === 0 && i === 0) [retry, receipt] = [send, await response.json()];
      }
      await publish(feed, { key: `gone${round}`, set: {} });
      await publish(feed, { key: `gone${round}`, delete: true });
      await evict(feed);
    }
    const rows = await tables(feed);
    expect(rows["checkpoint"], "no checkpoint was ever written").toBeGreaterThan(0);
    expect(rows["history"]).toBeGreaterThan(0);
    expect(rows["journal"]).toBeLessThan(20);
    const { seq, entries } = await snapshot(feed);
    expect(seq).toBe(4 * (4 * 50 + 2));
    expect(Object.keys(entries)).toHaveLength(50);
    expect(Object.values(entries).every(({ n }) => n === 15)).toBe(true);
    const replayed = await retry!();
    expect(replayed.headers.get("Idempotency-Replayed")).toBe("true");
    expect(await replayed.json()).toEqual(receipt);
  });

  test("the log and the history across checkpoints, for mode=all and page by page", async () => {
    const feed = newFeed();
    const text = "z".repeat(3000);
    await publish(feed, { key: "A", set: { i: 0 } });
    const away = await (await TestSubscriber.connect(feed, "?mode=all")).reaches(1);
    away.close();
    for (let i = 0; i < 200; i += 20) {
      await publish(
        feed,
        Array.from({ length: 20 }, (_, j) => ({ key: j % 2 === 0 ? "A" : "B", set: { i: 1 + i + j, text } })),
      );
    }
    expect((await tables(feed))["history"]).toBeGreaterThan(0);
    await evict(feed);
    const back = await TestSubscriber.connect(feed, `?mode=all&since=${away.since}`, {}, away.view);
    await back.reaches(201);
    expect(back.view.updates.map((update) => "set" in update && update.set["i"])).toEqual(
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
    const seen: number[] = [];
    for (let before = ""; ;) {
      const response = await request(`/v1/feeds/${feed}/history?key=A&limit=30${before}`);
      const page: { updates: { seq: number }[]; more: boolean } = await response.json();
      seen.unshift(...page.updates.map(({ seq }) => seq));
      if (!page.more) break;
      before = `&before=${page.updates[0]!.seq}`;
    }
    expect(seen).toEqual([1, ...Array.from({ length: 100 }, (_, i) => 2 + 2 * i)]);
  });
});

describe("[I4] reading leaves nothing behind", () => {
  test("a feed that was never published to is empty and leaves nothing in storage", async () => {
    const feed = newFeed();
    const subscriber = await (await TestSubscriber.connect(feed)).reaches(0);
    expect((await snapshot(feed)).entries).toEqual({});
    await request(`/v1/feeds/${feed}?since=${subscriber.since}`);
    await request(`/v1/feeds/${feed}/stats`);
    await request(`/v1/feeds/${feed}/history?key=A`);
    subscriber.send({ type: "subscribe", keys: ["A"] });
    await subscriber.until(({ messages }) => messages.at(-1)?.reason === "subscribe");
    expect(await tables(feed)).toEqual({});
    const list: { feeds: { feed: string }[] } = await (await request("/v1/feeds")).json();
    expect(list.feeds.map((listed) => listed.feed)).not.toContain(feed);
  });

  test("[STO1] a publish by itself writes one row", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: { p: 1 } });
    const written = await rowsWritten(feed, async () => {
      await publish(feed, { key: "A", patch: { p: 2 } });
    });
    expect(written).toBe(1);
  });
});

/** Rows of each table of the feed's storage. */
function tables(feed: string): Promise<Record<string, number>> {
  return runInDurableObject(env.FEEDS.getByName(feed), (_, { storage }) => {
    const names = storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
      )
      .toArray();
    return Object.fromEntries(
      names.map(({ name }) => [name, storage.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${name}`).one().n]),
    );
  });
}

/** Rows that the object writes while `act` runs. */
async function rowsWritten(feed: string, act: () => Promise<void>): Promise<number> {
  const stub = env.FEEDS.getByName(feed);
  let written = 0;
  await runInDurableObject(stub, (_, { storage }) => {
    const { sql } = storage;
    const exec = sql.exec.bind(sql);
    Object.defineProperty(sql, "exec", {
      configurable: true,
      value: (...args: Parameters<SqlStorage["exec"]>) => {
        const cursor = exec(...args);
        written += cursor.rowsWritten;
        return cursor;
      },
    });
  });
  await act();
  return written;
}
