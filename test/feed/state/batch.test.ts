import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Feed } from "../../../src/feed/state/feed.ts";
import type { LogRecord } from "../../../src/feed/state/record.ts";
import { utf8Length, type JsonObject } from "../../../src/protocol/json.ts";
import { isAscii } from "../../../src/protocol/json-scan.ts";
import { applyMergePatch } from "../../../src/protocol/merge-patch.ts";
import type { Update } from "../../../src/protocol/update.ts";
import { finishSteps } from "../../../src/protocol/long-json.ts";
import { decodeUpdatesInSteps } from "../../../src/protocol/update-decoding.ts";
import { runs } from "../../support/runs.ts";
import { oldestFirst } from "../../support/entries.ts";

const limits = { keys: 3, length: 50_000, history: 1 };
const LONG = "x".repeat(20_000);
const WIDE = { a: LONG, b: LONG, c: LONG };

const key = fc.constantFrom("A", "B", "C", "\u20ac", 'a "quoted" key that is long');
const value: fc.Arbitrary<JsonObject> = fc.constantFrom<JsonObject>(
  {},
  { p: 1 },
  { p: 2, q: { r: 1, s: null } },
  { q: { r: null, t: { u: null, v: [null] } } },
  { q: 3, p: null },
  { "\u0434": "\u0436" },
  { "\u0434": null },
  { '"': "}", "\\": '\\"' },
  { long: LONG },
  { longer: { long: LONG } },
  WIDE,
  { long: null, longer: null, a: null, b: null, c: null },
);
const stamps = fc.record(
  { time: fc.nat(), version: fc.integer({ min: 1, max: 4 }), ttl: fc.constantFrom(0.0129, 1) },
  { requiredKeys: [] },
);
const update: fc.Arbitrary<Update> = fc
  .tuple(
    key,
    fc.oneof(
      fc.record({ set: value }),
      fc.record({ patch: value }),
      fc.record({ patch: value }),
      fc.record({ patch: value }),
      fc.constant({ delete: true as const }),
    ),
    stamps,
  )
  .map(([key, change, stamps]): Update => Object.assign({ key }, change, stamps));
const batches = fc.array(fc.array(update, { minLength: 1, maxLength: 6 }), { maxLength: 12 });

/** Together they make a value too large. */
const TOO_LARGE: Update[] = [
  { key: "A", set: WIDE },
  { key: "A", patch: { long: LONG } },
];

function encode(updates: readonly Update[]): string[] {
  const decoded = finishSteps(decodeUpdatesInSteps(updates));
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.issues));
  return decoded.updates;
}

/** Applies updates to entries in the simplest way. */
function model(entries: ReadonlyMap<string, JsonObject>, updates: readonly Update[]): Map<string, JsonObject> {
  const after = new Map(entries);
  for (const update of updates) {
    if ("delete" in update) after.delete(update.key);
    // As the server keeps it: parsed, so that nothing is shared with the update.
    else if ("set" in update) after.set(update.key, update.set);
    else after.set(update.key, applyMergePatch(after.get(update.key), update.patch));
  }
  return after;
}

function memoryOf(text: string): number {
  return isAscii(text) ? text.length : 2 * text.length;
}

function sizes(entries: ReadonlyMap<string, JsonObject>): { length: number; bytes: number } {
  let length = 0;
  let bytes = 0;
  for (const [key, value] of entries) {
    const text = JSON.stringify(value);
    length += key.length + text.length;
    bytes += memoryOf(key) + memoryOf(text);
  }
  return { length, bytes };
}

function contents(feed: Feed): Map<string, JsonObject | undefined> {
  return new Map(
    oldestFirst(feed.entries)
      .filter(({ live }) => live)
      .map(({ key, value }) => [key, value]),
  );
}

/** Everything of a feed except the order of members. */
function everything(feed: Feed): unknown {
  const entries = oldestFirst(feed.entries).map(({ key, seq, time, version, expires, value, bytes }) => {
    return { key, seq, time, version, expires, value, bytes };
  });
  const { position, time, nextExpiry, expiring } = feed;
  return { position, time, nextExpiry, expiring, entries, bytes: feed.entries.bytes };
}

describe("[I3] batches of patches", () => {
  test("[PUB4] do what the patches do one by one, to the byte, and a refused batch changes nothing", () => {
    const seen = { taken: 0, full: 0, tooLarge: 0 };
    fc.assert(
      fc.property(batches, (batches) => {
        const feed = Feed.begin("e", limits);
        let expected = new Map<string, JsonObject>();
        for (const [i, updates] of batches.entries()) {
          const fresh = updates.filter(({ version }) => version === undefined);
          if (fresh.length === 0) continue;
          const before = JSON.stringify(everything(feed));
          const acceptance = feed.accept(encode(fresh), i);
          if (!acceptance.ok) {
            expect(JSON.stringify(everything(feed))).toBe(before);
            const made = model(expected, fresh);
            if (acceptance.code === "feed_full") {
              seen.full++;
              expect(made.size > limits.keys || sizes(made).bytes > limits.length).toBe(true);
            } else {
              seen.tooLarge++;
              for (const { index } of acceptance.issues) {
                expect(utf8Length(JSON.stringify(made.get(fresh[index]!.key)))).toBeGreaterThan(65_536);
              }
            }
            continue;
          }
          seen.taken++;
          expected = model(expected, fresh);
          expect(contents(feed)).toEqual(expected);
          expect({ length: feed.entries.length, bytes: feed.entries.bytes }).toEqual(sizes(expected));
          for (const { text, isNarrow } of oldestFirst(feed.entries)) expect(isNarrow).toBe(isAscii(text ?? ""));
        }
      }),
      { numRuns: runs(300), examples: [[[TOO_LARGE]]] },
    );
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0);
  });

  test("[PUB3] a value that all patches of a batch together make too large is refused, at the last patch", () => {
    const feed = Feed.begin("e");
    feed.accept(encode([{ key: "A", set: WIDE }]), 0);
    const grow: Update = { key: "A", patch: { d: LONG } };
    const refused = feed.accept(encode([grow, { key: "B", set: {} }, { key: "A", patch: { e: 1 } }]), 0);
    expect(refused).toMatchObject({ ok: false, code: "invalid_update", issues: [{ index: 2, path: "patch" }] });
    expect(feed.accept(encode([grow, { key: "A", patch: { a: null } }]), 0)).toMatchObject({ ok: true });
    expect(feed.entries.get("A")?.length).toBe(JSON.stringify({ b: LONG, c: LONG, d: LONG }).length);
  });
});

describe("[I8] a feed that is opened again", () => {
  test("from its records, at once or one by one, on top of entries of any moment, is the same feed", () => {
    fc.assert(
      fc.property(batches, fc.nat(), fc.array(fc.nat(), { maxLength: 8 }), (batches, from, moments) => {
        const feed = Feed.begin("e");
        const records: LogRecord[] = [];
        const start = from % (batches.length + 1);
        const saved: Parameters<Feed["restore"]>[0][] = [];
        const state = { epoch: "e", seq: 0, time: 0, forgotten: 0 };
        for (const [i, updates] of [...batches, []].entries()) {
          if (i === start) Object.assign(state, { seq: feed.seq, time: feed.time });
          // Entries as they were when the records begin, or later: some several times, at the end all.
          const all = oldestFirst(feed.entries).map(({ key, seq, time, version, expires, text }) => {
            return { key, seq, time, version, expires, text };
          });
          if (i === start) saved.push(...all);
          else if (i > start) saved.push(...all.filter((_, k) => moments.includes(k)));
          if (updates.length === 0) continue;
          const acceptance = feed.accept(encode(updates), i);
          if (acceptance.ok && acceptance.record && i >= start) records.push(acceptance.record);
        }
        const atOnce = new Feed(state);
        for (const entry of saved) atOnce.restore(entry);
        atOnce.apply(records);
        expect(everything(atOnce)).toEqual(everything(feed));
        const oneByOne = new Feed(state);
        for (const entry of saved) oneByOne.restore(entry);
        oneByOne.apply([]);
        for (const record of records) oneByOne.apply([record]);
        expect(everything(oneByOne)).toEqual(everything(feed));
      }),
      { numRuns: runs(150) },
    );
  });
});
