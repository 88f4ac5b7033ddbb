import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Entries } from "../../../src/feed/state/entries.ts";
import type { EntryState } from "../../../src/feed/state/entry.ts";
import { SERVER_LIMITS } from "../../../src/protocol/limits.ts";
import { runs } from "../../support/runs.ts";
import { isWanted } from "../../support/view.ts";
import { subscriptionOf } from "../recording-subscriber.ts";
import { oldestFirst } from "../../support/entries.ts";

const key = fc.string({ unit: fc.constantFrom("a", "b", ".", "\uffff", "😀"), minLength: 1, maxLength: 4 });
const patterns = fc.array(
  fc.tuple(key, fc.boolean()).map(([name, isPrefix]) => (isPrefix ? `${name}*` : name)),
  { maxLength: 6 },
);
/** A change of a key: set or deleted. */
const changes = fc.array(fc.tuple(key, fc.boolean()), { maxLength: 60 });

function state(seq: number, text: string | undefined): EntryState {
  return { seq, time: undefined, version: undefined, expires: undefined, text, isNarrow: true };
}

function put(entries: Entries, name: string, seq: number, text: string | undefined): void {
  entries.put(name, state(seq, text), entries.recall(name));
}

/** Entries after changes, with the seq of each key's last change, and the live keys. */
function changed(changes: readonly [string, boolean][]): {
  entries: Entries;
  seqs: Map<string, number>;
  live: string[];
} {
  const entries = new Entries();
  for (const [i, [name, lives]] of changes.entries()) put(entries, name, i + 1, lives ? "{}" : undefined);
  const seqs = new Map(changes.map(([name], i) => [name, i + 1]));
  const lives = new Map(changes);
  return { entries, seqs, live: [...lives.keys()].filter((name) => lives.get(name)) };
}

/** Five digits, in a mixed order. */
function name(i: number): string {
  return `${(i * 7919) % 5_003}`.padStart(5, "0");
}

describe("the entries of a selection", () => {
  test("[I6] are those that a simple filter finds, and changes come with the oldest first", () => {
    fc.assert(
      fc.property(changes, patterns, fc.nat({ max: 60 }), (changes, wanted, since) => {
        const { entries, seqs, live } = changed(changes);
        const { selection } = subscriptionOf(wanted);
        const selected = [...seqs.keys()].filter((name) => isWanted(wanted, name));
        const found = [...entries.select(selection)].map((entry) => entry.key);
        expect(found.toSorted()).toEqual(live.filter((name) => isWanted(wanted, name)).toSorted());
        expect(entries.mostSelected(selection)).toBeGreaterThanOrEqual(selected.length);
        const later = selected.flatMap((name) => seqs.get(name) ?? []).filter((seq) => seq > since);
        expect([...entries.changedAfter(since, selection)].map(({ seq }) => seq)).toEqual(
          later.toSorted((a, b) => a - b),
        );
      }),
      { numRuns: runs(500) },
    );
  });

  test("[I2] that have changed right after a position are found among many others, by key and by prefix", () => {
    const entries = new Entries();
    for (let seq = 1; seq <= 20; seq++) put(entries, name(seq), seq, "{}");
    for (const wanted of [name(7), `${name(7)}*`]) {
      const { selection } = subscriptionOf([wanted]);
      const changedAfter = (since: number): number[] =>
        [...entries.changedAfter(since, selection)].map(({ seq }) => seq);
      expect([changedAfter(6), changedAfter(7)]).toEqual([[7], []]);
    }
  });

  test("[I2] without those of another are those that neither filter leaves out, each once", () => {
    fc.assert(
      fc.property(changes, patterns, patterns, (changes, wanted, had) => {
        const { entries, live } = changed(changes);
        const found = entries.selectBeyond(subscriptionOf(wanted).selection, subscriptionOf(had).selection);
        const beyond = live.filter((name) => isWanted(wanted, name) && !isWanted(had, name));
        expect([...found].map(({ key }) => key).toSorted()).toEqual(beyond.toSorted());
      }),
      { numRuns: runs(500) },
    );
  });

  test("[I6] are found among very many, while keys come and go", () => {
    const entries = new Entries();
    let seq = 0;
    for (let i = 0; i < 5_003; i++) put(entries, name(i), ++seq, "{}");
    for (let i = 0; i < 5_003; i += 2) put(entries, name(i), ++seq, undefined);
    for (let i = 0; i < 5_003; i += 4) put(entries, name(i), ++seq, "{}");
    for (const prefix of ["", "0", "01", "012", "0123", "01234", "99"]) {
      const { selection } = subscriptionOf([`${prefix}*`]);
      const expected = oldestFirst(entries).filter((entry) => entry.live && entry.key.startsWith(prefix));
      expect([...entries.select(selection)].map((entry) => entry.key).toSorted()).toEqual(
        expected.map((entry) => entry.key).toSorted(),
      );
      if (prefix === "") continue;
      const all = oldestFirst(entries).filter((entry) => entry.key.startsWith(prefix));
      expect(entries.mostSelected(selection)).toBe(all.length);
      expect([...entries.changedAfter(seq - 2000, selection)]).toEqual(all.filter((e) => e.seq > seq - 2000));
    }
  });

  test("[PUB12] [I9] are counted to the character and the byte", () => {
    const entries = new Entries();
    put(entries, "a", 1, "{}");
    put(entries, "\u20ac", 2, '{"p":1}');
    expect([entries.length, entries.bytes]).toEqual([11, 12]);
    entries.put("a", { ...state(3, '{"p":"\u0434"}'), isNarrow: false }, entries.recall("a"));
    expect([entries.length, entries.bytes]).toEqual([18, 28]);
    put(entries, "a", 4, undefined);
    put(entries, "\u20ac", 5, undefined);
    expect([entries.size, entries.length, entries.bytes]).toEqual([0, 0, 0]);
  });
});

describe("a walk through the entries", () => {
  test("[I8] meets each entry that stays, whatever changes between its steps, and at last in its newest state", () => {
    fc.assert(
      fc.property(
        changes,
        fc.array(fc.oneof(fc.tuple(key, fc.boolean()), fc.constant("step" as const))),
        (before, after) => {
          const entries = new Entries();
          let seq = 0;
          for (const [name, lives] of before) put(entries, name, ++seq, lives ? "{}" : undefined);
          const walk = entries.walk();
          const met = new Map<string, number>();
          const step = (): boolean => {
            const entry = walk.next();
            if (entry) met.set(entry.key, entry.seq);
            return entry !== undefined;
          };
          for (const event of after) {
            if (event === "step") step();
            else put(entries, event[0], ++seq, event[1] ? "{}" : undefined);
          }
          while (step());
          walk.end();
          expect(met).toEqual(new Map(oldestFirst(entries).map(({ key, seq }) => [key, seq])));
        },
      ),
    );
  });

  test("skips what is forgotten meanwhile", () => {
    const entries = new Entries();
    for (let i = 0; i < 3; i++) put(entries, `gone${i}`, i + 1, undefined);
    put(entries, "stays", 4, "{}");
    const walk = entries.walk();
    expect(walk.next()?.key).toBe("gone0");
    for (let i = 0; i < SERVER_LIMITS.tombstones; i++) put(entries, `k${i}`, 5 + i, undefined);
    expect(walk.next()?.key).toBe("stays");
    walk.end();
    expect(entries.forgotten).toBe(3);
  });
});

describe("entries put in any order", () => {
  test("[I8] are in the order of their changes after sorting, and the oldest tombstones are forgotten", () => {
    const entries = new Entries();
    const count = SERVER_LIMITS.tombstones + 5;
    for (let i = 0; i < count; i++) put(entries, `k${i}`, ((i * 7) % count) + 1, undefined);
    put(entries, "live", count + 1, "{}");
    expect(oldestFirst(entries)).toHaveLength(count + 1);
    entries.bringInOrder();
    expect(oldestFirst(entries).map(({ seq }) => seq)).toEqual(
      Array.from({ length: SERVER_LIMITS.tombstones + 1 }, (_, i) => i + 6),
    );
    expect(entries.forgotten).toBe(5);
  });
});
