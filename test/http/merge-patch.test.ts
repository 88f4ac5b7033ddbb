import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { newFeed, post, publish, request } from "../support/api.ts";
import { problem } from "../support/http.ts";
import { RFC_EXAMPLES } from "../support/merge-patch-examples.ts";
import { TestSubscriber } from "../support/subscriber.ts";

/** The entries as readers get them, as text: their members in the order in which they come. */
async function entriesText(feed: string, query = ""): Promise<string> {
  const text = await (await request(`/v1/feeds/${feed}${query}`)).text();
  return text.slice(text.indexOf('"entries":') + '"entries":'.length, -1);
}

/** A batch with a text for each of something. */
function batch<T>(all: readonly T[], text: (one: T, i: number) => string): string {
  return `[${all.map(text).join()}]`;
}

describe("RFC 7396, appendix A", () => {
  test("a member's value that is patched is what the RFC says, in one batch", async () => {
    const feed = newFeed();
    const both = batch(
      RFC_EXAMPLES,
      ([original, patch], i) => `{"key":"K${i}","set":{"m":${original}}},{"key":"K${i}","patch":{"m":${patch}}}`,
    );
    await publish(feed, both);
    const expected = RFC_EXAMPLES.map(([, , result], i) => `"K${i}":{"m":${result}}`);
    expect(await entriesText(feed)).toBe(`{${expected.join()}}`);
  });

  test("a member's value that is patched with null is gone, whatever it was", async () => {
    const feed = newFeed();
    const originals = ['{"a":"foo"}', "[1,2]", '"x"', "null"];
    await publish(
      feed,
      batch(
        originals,
        (original, i) => `{"key":"K${i}","set":{"m":${original},"n":1}},{"key":"K${i}","patch":{"m":null}}`,
      ),
    );
    expect(await entriesText(feed)).toBe('{"K0":{"n":1},"K1":{"n":1},"K2":{"n":1},"K3":{"n":1}}');
  });

  test("a value cannot become anything but an object", async () => {
    const patches = ['["c"]', "null", '"bar"', "1", "true"];
    const body = batch(patches, (patch) => `{"key":"A","patch":${patch}}`);
    const { issues } = await problem(await post(newFeed(), body), "invalid_update");
    expect(issues).toMatchObject(patches.map((_, index) => ({ index, path: "patch" })));
  });
});

const SHARED = newFeed();
const NAMES = ["__proto__", "constructor", "prototype", "toString", "__defineGetter__", "valueOf", "length", "0"];

/** A value that has a name at two levels, and the same after a patch. */
const nested = (name: string): string => `{"${name}":{"${name}":1,"polluted":true}}`;
const patched = (name: string): string => `{"${name}":{"polluted":true,"more":{"${name}":[2]}}}`;

describe("[PUB2] names that every JavaScript object has are data", () => {
  /** All of them as keys of entries with this value. */
  const entries = (value: (name: string) => string): string =>
    `{${NAMES.map((name) => `"${name}":${value(name)}`).join()}}`;

  test("as keys and as names of members: they come back from set and patch, after a restart too", async () => {
    const feed = newFeed();
    await publish(
      feed,
      batch(NAMES, (name) => `{"key":"${name}","set":${nested(name)}}`),
    );
    expect(await entriesText(feed)).toBe(entries(nested));
    await publish(
      feed,
      batch(NAMES, (name) => `{"key":"${name}","patch":{"${name}":{"${name}":null,"more":{"${name}":[2]}}}}`),
    );
    expect(await entriesText(feed)).toBe(entries(patched));
    await evictDurableObject(env.FEEDS.getByName(feed));
    expect(await entriesText(feed)).toBe(entries(patched));
    await publish(
      feed,
      batch(NAMES, (name) => `{"key":"${name}","patch":{"${name}":null}}`),
    );
    expect(await entriesText(feed)).toBe(entries(() => "{}"));
    const other = newFeed();
    await publish(
      other,
      batch(NAMES, (name) => `{"key":"${name}","patch":{"m":{"${name}":{"x":null,"y":1}}}}`),
    );
    expect(await entriesText(other)).toBe(entries((name) => `{"m":{"${name}":{"y":1}}}`));
  });

  test.each(NAMES)("%s as a key is selected, subscribed to and deleted like any other", async (key) => {
    const subscriber = await TestSubscriber.connect(SHARED, `?keys=${key}`);
    await publish(SHARED, [
      { key, set: { p: 1 } },
      { key: "other", set: {} },
    ]);
    const { seq } = await publish(SHARED, { key, patch: { q: 2 } });
    await subscriber.reaches(seq);
    expect(Object.entries(subscriber.state())).toEqual([[key, { p: 1, q: 2 }]]);
    expect(await entriesText(SHARED, `?keys=${key}`)).toBe(`{"${key}":{"p":1,"q":2}}`);
    const history = await (await request(`/v1/feeds/${SHARED}/history?key=${key}`)).json();
    expect(history).toMatchObject({ key, updates: [{ seq: seq - 2 }, { seq }] });
    await publish(SHARED, { key, delete: true });
    expect(await entriesText(SHARED)).toBe('{"other":{}}');
  });

  test("none of them reaches another value", async () => {
    const feed = newFeed();
    await publish(feed, '{"key":"A","set":{"__proto__":{"price":666},"constructor":{"prototype":{"price":666}}}}');
    await publish(feed, '{"key":"A","patch":{"__proto__":{"price":667},"constructor":{"prototype":{"price":667}}}}');
    await publish(feed, [
      { key: "B", set: {} },
      { key: "C", patch: { m: {} } },
      { key: "C", patch: { m: { x: 1 } } },
    ]);
    expect(await entriesText(feed, "?keys=B,C")).toBe('{"B":{},"C":{"m":{"x":1}}}');
  });

  test("a merged update of a slow subscriber carries them too", async () => {
    const feed = newFeed();
    const subscriber = await TestSubscriber.connect(feed, "?hz=10");
    await publish(feed, '{"key":"A","patch":{"a":1}}');
    await publish(feed, '{"key":"A","patch":{"__proto__":{"b":1}}}');
    await publish(feed, '{"key":"A","patch":{"__proto__":{"c":2}}}');
    await subscriber.reaches(3);
    expect(JSON.stringify(subscriber.state())).toBe('{"A":{"a":1,"__proto__":{"b":1,"c":2}}}');
  });
});
