import { has, holds, member, same } from "../assertions.ts";
import { gzip, set } from "../encoding.ts";
import { check } from "../check.ts";
import { refused } from "../wire.ts";

export const PUBLISH = [
  check("publish", "a receipt says feed, epoch, seq, accepted and stale, and the update can be read", async (wire) => {
    const feed = wire.newFeed();
    const { status, json } = await wire.post(feed, set("AAPL", { price: 191.2 }));
    same("status", status, 200);
    has("the receipt", json, { feed, seq: 1, accepted: 1, stale: 0 });
    const read = await wire.read(feed);
    has("the snapshot", read.json, { feed, epoch: member(json, "epoch"), seq: 1, entries: { AAPL: { price: 191.2 } } });
  }),
  check("publish", "set replaces the value, patch merges into it and creates, delete removes", async (wire) => {
    const feed = wire.newFeed();
    await wire.publish(feed, set("A", { a: 1, b: { c: 1, d: 2 }, gone: 1 }));
    await wire.publish(feed, { key: "A", patch: { b: { c: null, e: [1, null] }, gone: null } });
    await wire.publish(feed, { key: "B", patch: { x: 1, never: null } });
    same("after patches", await wire.entries(feed), { A: { a: 1, b: { d: 2, e: [1, null] } }, B: { x: 1 } });
    await wire.publish(feed, set("A", { z: 0 }));
    same("after set", await wire.entries(feed), { A: { z: 0 }, B: { x: 1 } });
    await wire.publish(feed, { key: "A", delete: true });
    same("after delete", await wire.entries(feed), { B: { x: 1 } });
  }),
  check("publish", "seq is +1 for every accepted update of a batch, in its order", async (wire) => {
    const feed = wire.newFeed();
    await wire.publish(feed, set("A", {}));
    const receipt = await wire.publish(feed, [set("A", { n: 1 }), { key: "A", patch: { m: 2 } }, set("B", {})]);
    has("the receipt", receipt, { seq: 4, accepted: 3 });
    same("entries", await wire.entries(feed), { A: { n: 1, m: 2 }, B: {} });
  }),
  check("publish", "a batch is atomic: one bad update refuses all of it, named by index and path", async (wire) => {
    const feed = wire.newFeed();
    await wire.publish(feed, set("A", { n: 1 }));
    const answer = await wire.post(feed, [set("A", { n: 2 }), { key: "B", patch: 7 }, { key: "A", delete: true }]);
    refused("the batch", answer, 422, "invalid_update");
    const [issue] = (member(answer.json, "issues") ?? []) as unknown[];
    has("the issue", issue, { index: 1, path: "patch" });
    has("the feed", (await wire.read(feed)).json, { seq: 1, entries: { A: { n: 1 } } });
  }),
  check("publish", "one update a line is read as application/x-ndjson", async (wire) => {
    const feed = wire.newFeed();
    const body = `${JSON.stringify(set("A", { n: 1 }))}\n${JSON.stringify({ key: "A", patch: { m: 2 } })}\n`;
    const { json } = await wire.post(feed, body, { "Content-Type": "application/x-ndjson" });
    has("the receipt", json, { seq: 2, accepted: 2 });
    same("entries", await wire.entries(feed), { A: { n: 1, m: 2 } });
  }),
  check("publish", "Content-Encoding: gzip is read", async (wire) => {
    const feed = wire.newFeed();
    const body = await gzip(JSON.stringify(set("A", { text: "x".repeat(10_000) })));
    has("the receipt", (await wire.post(feed, body, { "Content-Encoding": "gzip" })).json, { accepted: 1 });
    refused("no gzip", await wire.post(feed, "x", { "Content-Encoding": "gzip" }), 400, "invalid_json");
    refused("br", await wire.post(feed, "x", { "Content-Encoding": "br" }), 415, "unsupported_media_type");
  }),
  check("publish", "1,000 updates are taken, 1,001 are too many", async (wire) => {
    const feed = wire.newFeed();
    const batch = Array.from({ length: 1_001 }, (_, i) => set(`K${i}`, {}));
    refused("1,001", await wire.post(feed, batch), 413, "too_large");
    has("1,000", await wire.publish(feed, batch.slice(1)), { accepted: 1_000, seq: 1_000 });
  }),
  check("publish", "1 MiB is the most a body may have, after inflating too; 64 KiB a value", async (wire) => {
    const feed = wire.newFeed();
    const large = JSON.stringify(set("A", { text: "x".repeat(1024 * 1024) }));
    refused("plain", await wire.post(feed, large), 413, "too_large");
    const packed = await gzip(large);
    refused("inflated", await wire.post(feed, packed, { "Content-Encoding": "gzip" }), 413, "too_large");
    const over = await wire.post(feed, set("A", { t: "x".repeat(65_536 - 7) }));
    refused("a value", over, 422, "invalid_update");
    has("just as large", await wire.publish(feed, set("A", { t: "x".repeat(65_536 - 8) })), { accepted: 1 });
  }),
  check("publish", "an Idempotency-Key: the same body gets the first receipt and publishes nothing", async (wire) => {
    const feed = wire.newFeed();
    const headers = { "Idempotency-Key": "k".repeat(128) };
    const body = set("A", { n: 1 });
    const first = await wire.post(feed, body, headers);
    same("the first is no replay", first.headers.get("Idempotency-Replayed"), null);
    await wire.publish(feed, set("A", { n: 2 }));
    const again = await wire.post(feed, body, headers);
    same("status", again.status, 200);
    same("Idempotency-Replayed", again.headers.get("Idempotency-Replayed"), "true");
    same("the receipt", again.json, first.json);
    has("the feed", (await wire.read(feed)).json, { seq: 2, entries: { A: { n: 2 } } });
    refused("another body", await wire.post(feed, set("A", { n: 3 }), headers), 422, "idempotency_mismatch");
    same("after the mismatch", await wire.entries(feed), { A: { n: 2 } });
  }),
  check("publish", "repeats that come together publish once", async (wire) => {
    const feed = wire.newFeed();
    const post = (): Promise<unknown> =>
      wire.post(feed, set("A", { n: 1 }), { "Idempotency-Key": "k" }).then(({ json }) => json);
    const receipts = await Promise.all([post(), post(), post(), post()]);
    for (const receipt of receipts) has("a receipt", receipt, { seq: 1, accepted: 1 });
  }),
  check("publish", "a version that is not above the key's last one is stale: counted, not applied", async (wire) => {
    const feed = wire.newFeed();
    await wire.publish(feed, { ...set("A", { n: 5 }), version: 5 });
    for (const version of [5, 4]) {
      const receipt = await wire.publish(feed, { ...set("A", { n: -1 }), version });
      has(`version ${version}`, receipt, { accepted: 0, stale: 1, seq: 1 });
    }
    const both = await wire.publish(feed, [{ ...set("A", {}), version: 1 }, set("B", {})]);
    has("with others", both, { accepted: 1, stale: 1 });
    await wire.publish(feed, { ...set("A", { n: 6 }), version: 5.5 });
    same("entries", await wire.entries(feed), { A: { n: 6 }, B: {} });
  }),
  check("publish", "an entry is deleted when its ttl passes without a newer update", async (wire) => {
    const feed = wire.newFeed();
    await wire.publish(
      feed,
      ["A", "B"].map((key) => ({ key, set: {}, ttl: 2 })),
    );
    await wire.publish(feed, { key: "B", patch: { kept: true } });
    has("before", (await wire.read(feed)).json, { seq: 3, entries: { A: {}, B: { kept: true } } });
    await new Promise((resolve) => setTimeout(resolve, 2_300));
    has("after", (await wire.read(feed)).json, { seq: 4, entries: { B: { kept: true } } });
  }),
  check("publish", "names that programs stumble over are data", async (wire) => {
    const feed = wire.newFeed();
    const text = '{"__proto__":{"a":1},"constructor":2,"":3,"ä\u{1f600}":"\\u2028"}';
    await wire.post(feed, `{"key":"__proto__","set":${text}}`);
    const { text: shown } = await wire.read(feed);
    holds("the snapshot", shown.includes('"__proto__":{"__proto__":{"a":1}'), "the members as they came", shown);
  }),
  check("publish", "concurrent publishers get a seq each, none twice and none left out", async (wire) => {
    const feed = wire.newFeed();
    const receipts = await Promise.all(Array.from({ length: 20 }, (_, i) => wire.publish(feed, set(`K${i}`, { i }))));
    const seqs = receipts.map(({ seq }) => seq).toSorted((a, b) => a - b);
    same("the seqs", seqs, [...Array(21).keys()].slice(1));
  }),
];
