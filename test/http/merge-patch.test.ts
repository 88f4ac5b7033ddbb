import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { newFeed, post, publish, request } from "../support/api.ts";
import { problem } from "../support/http.ts";
import { OF_OBJECTS, RFC_EXAMPLES } from "../support/merge-patch-examples.ts";
import { TestSubscriber } from "../support/subscriber.ts";

/** The text of one entry as readers get it, with its members in the order in which they come. */
async function entryText(feed: string, key: string): Promise<string> {
  const text = await (await request(`/v1/feeds/${feed}?keys=${key}`)).text();
  const start = `"entries":{${JSON.stringify(key)}:`;
  expect(text).toContain(start);
  return text.slice(text.indexOf(start) + start.length, -2);
}

type Examples = typeof RFC_EXAMPLES;

/** A batch with something for each example, which has a key of its own. */
function batch(examples: Examples, updates: (example: Examples[number], key: string) => string): string {
  return `[${examples.map((example, i) => updates(example, `K${i}`)).join()}]`;
}

/** Each example's entry as text. */
function entryTexts(feed: string, examples: Examples): Promise<string[]> {
  return Promise.all(examples.map((_, i) => entryText(feed, `K${i}`)));
}

describe("RFC 7396, appendix A", () => {
  test("an entry patched with an object is what the RFC says", async () => {
    const feed = newFeed();
    await publish(
      feed,
      batch(OF_OBJECTS, ([original], key) => `{"key":"${key}","set":${original}}`),
    );
    await publish(
      feed,
      batch(OF_OBJECTS, ([, patch], key) => `{"key":"${key}","patch":${patch}}`),
    );
    expect(await entryTexts(feed, OF_OBJECTS)).toEqual(OF_OBJECTS.map(([, , result]) => result));
  });

  test("so is a member's value, in one batch", async () => {
    const feed = newFeed();
    const both = batch(
      RFC_EXAMPLES,
      ([original, patch], key) => `{"key":"${key}","set":{"m":${original}}},{"key":"${key}","patch":{"m":${patch}}}`,
    );
    await publish(feed, both);
    expect(await entryTexts(feed, RFC_EXAMPLES)).toEqual(RFC_EXAMPLES.map(([, , result]) => `{"m":${result}}`));
  });

  test.each(['{"a":"foo"}', "[1,2]", '"x"', "null"])(
    "as a member's value: %s patched with null is gone",
    async (original) => {
      const feed = newFeed();
      await publish(feed, `[{"key":"A","set":{"m":${original},"n":1}},{"key":"A","patch":{"m":null}}]`);
      expect(await entryText(feed, "A")).toBe('{"n":1}');
    },
  );

  test.each(['["c"]', "null", '"bar"', "1", "true"])(
    "a value cannot become anything but an object: %s is refused",
    async (patch) => {
      const { issues } = await problem(await post(newFeed(), `{"key":"A","patch":${patch}}`), "invalid_update");
      expect(issues).toMatchObject([{ index: 0, path: "patch" }]);
    },
  );
});

const NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "__defineGetter__",
  "valueOf",
  "length",
  "0",
];

describe("[PUB2] names that every JavaScript object has are data", () => {
  test.each(NAMES)("%s as a member's name comes back from set and patch", async (name) => {
    const feed = newFeed();
    const inner = `{"${name}":{"${name}":1,"polluted":true}}`;
    await publish(feed, `{"key":"A","set":${inner}}`);
    expect(await entryText(feed, "A")).toBe(inner);
    await publish(feed, `{"key":"A","patch":{"${name}":{"${name}":null,"more":{"${name}":[2]}}}}`);
    expect(await entryText(feed, "A")).toBe(`{"${name}":{"polluted":true,"more":{"${name}":[2]}}}`);
    await evictDurableObject(env.FEEDS.getByName(feed));
    expect(await entryText(feed, "A")).toBe(`{"${name}":{"polluted":true,"more":{"${name}":[2]}}}`);
    await publish(feed, `{"key":"A","patch":{"${name}":null}}`);
    expect(await entryText(feed, "A")).toBe("{}");
  });

  test.each(NAMES)("%s in a patch of an absent entry creates that member alone", async (name) => {
    const feed = newFeed();
    await publish(feed, `{"key":"A","patch":{"m":{"${name}":{"x":null,"y":1}}}}`);
    expect(await entryText(feed, "A")).toBe(`{"m":{"${name}":{"y":1}}}`);
  });

  test.each(NAMES)("%s as a key is one entry like any other", async (key) => {
    const feed = newFeed();
    const subscriber = await TestSubscriber.connect(feed, `?keys=${key}`);
    await publish(feed, [
      { key, set: { p: 1 } },
      { key: "other", set: {} },
    ]);
    await publish(feed, { key, patch: { q: 2 } });
    await subscriber.reaches(3);
    expect(Object.entries(subscriber.state())).toEqual([[key, { p: 1, q: 2 }]]);
    await evictDurableObject(env.FEEDS.getByName(feed));
    const only = await (await request(`/v1/feeds/${feed}?keys=${key}`)).text();
    expect(only).toContain(`"entries":{"${key}":{"p":1,"q":2}}`);
    const history = await (await request(`/v1/feeds/${feed}/history?key=${key}`)).json();
    expect(history).toMatchObject({ key, updates: [{ seq: 1 }, { seq: 3 }] });
    await publish(feed, { key, delete: true });
    expect(await (await request(`/v1/feeds/${feed}`)).text()).toContain('"entries":{"other":{}}');
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
    expect(await (await request(`/v1/feeds/${feed}?keys=B,C`)).text()).toContain(
      '"entries":{"B":{},"C":{"m":{"x":1}}}',
    );
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
