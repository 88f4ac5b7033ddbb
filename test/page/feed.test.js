// @ts-check
import { describe, expect, it } from "vitest";
import { applyMessage, createView, fieldOf, mergePatch } from "../../public/feed.js";

/** @param {import("../../public/feed.js").View} view */
const entriesOf = (view) => JSON.parse(JSON.stringify([...view.entries]));

/** @param {Record<string, unknown>} [entries] */
function viewAt5(entries = { AAPL: { price: 1, halted: true } }) {
  const view = createView();
  applyMessage(view, { type: "hello", epoch: "e", seq: 5 });
  applyMessage(view, { type: "snapshot", epoch: "e", seq: 5, reason: "initial", entries });
  return view;
}

describe("applyMessage", () => {
  it("takes its position from a snapshot, not from hello", () => {
    const view = createView();
    expect(applyMessage(view, { type: "hello", epoch: "e", seq: 5 })).toEqual({
      kind: "hello",
      current: false,
    });
    expect(view.position).toBeNull();
    expect(applyMessage(view, { type: "snapshot", epoch: "e", seq: 5, entries: {} })).toEqual({
      kind: "snapshot",
    });
    expect(view.position).toEqual({ epoch: "e", seq: 5 });
  });

  it("knows from hello that it is current only at the same epoch and seq", () => {
    const view = viewAt5();
    expect(applyMessage(view, { type: "hello", epoch: "e", seq: 5 })).toMatchObject({
      current: true,
    });
    expect(applyMessage(view, { type: "hello", epoch: "e", seq: 6 })).toMatchObject({
      current: false,
    });
    expect(applyMessage(view, { type: "hello", epoch: "f", seq: 5 })).toMatchObject({
      current: false,
    });
  });

  it("applies a snapshot in parts as a whole", () => {
    const view = viewAt5();
    const part = { type: "snapshot", epoch: "f", seq: 9, reason: "epoch_changed" };
    expect(applyMessage(view, { ...part, entries: { A: {} }, more: true })).toEqual({
      kind: "partial",
    });
    expect(entriesOf(view)).toEqual([["AAPL", { price: 1, halted: true }]]);
    applyMessage(view, { ...part, entries: { B: {} } });
    expect([...view.entries.keys()]).toEqual(["A", "B"]);
    expect(view.position).toEqual({ epoch: "f", seq: 9 });
  });

  it("forgets a snapshot whose connection was lost before the last part", () => {
    const view = createView();
    applyMessage(view, { type: "snapshot", epoch: "e", seq: 1, entries: { HALF: {} }, more: true });
    applyMessage(view, { type: "hello", epoch: "e", seq: 2 });
    applyMessage(view, { type: "snapshot", epoch: "e", seq: 2, entries: { A: {} } });
    expect([...view.entries.keys()]).toEqual(["A"]);
  });

  it("applies set, patch and delete, in order", () => {
    const view = viewAt5({ AAPL: { price: 1, halted: true }, OLD: {} });
    const updates = [
      { key: "AAPL", patch: { price: 2, halted: null } },
      { key: "OLD", delete: true },
      { key: "NEW", patch: { a: { b: 1, c: null } } },
      { key: "SET", set: { a: null } },
      { key: "SET", patch: { b: 1 } },
    ];
    const outcome = applyMessage(view, { type: "update", from: 5, seq: 12, updates });
    expect(outcome).toEqual({ kind: "update", keys: ["AAPL", "OLD", "NEW", "SET"] });
    expect(entriesOf(view)).toEqual([
      ["AAPL", { price: 2 }],
      ["NEW", { a: { b: 1 } }],
      ["SET", { a: null, b: 1 }],
    ]);
    expect(view.position).toEqual({ epoch: "e", seq: 12 });
  });

  it.each([
    ["a gap", { from: 6, seq: 7, updates: [{ key: "A", set: {} }] }],
    ["a duplicate", { from: 4, seq: 5, updates: [{ key: "A", set: {} }] }],
    ["a seq that goes back", { from: 5, seq: 4, updates: [] }],
    ["one bad update among good ones", { from: 5, seq: 7, updates: [{ key: "A", set: {} }, { key: "B" }] }],
    ["two changes in one update", { from: 5, seq: 6, updates: [{ key: "A", set: {}, delete: true }] }],
    ["a value that is not an object", { from: 5, seq: 6, updates: [{ key: "A", set: 1 }] }],
  ])("reports %s, and changes nothing", (_, update) => {
    const view = viewAt5();
    expect(applyMessage(view, { type: "update", ...update }).kind).toBe("fault");
    expect(entriesOf(view)).toEqual([["AAPL", { price: 1, halted: true }]]);
    expect(view.position).toEqual({ epoch: "e", seq: 5 });
  });

  it("accepts no update of another epoch, even where the seq fits", () => {
    const view = viewAt5();
    applyMessage(view, { type: "hello", epoch: "f", seq: 8 });
    expect(applyMessage(view, { type: "update", from: 5, seq: 8, updates: [] }).kind).toBe("fault");
  });

  it("accepts no update before or inside a snapshot", () => {
    const view = createView();
    expect(applyMessage(view, { type: "update", from: 0, seq: 1, updates: [] }).kind).toBe("fault");
    const known = viewAt5();
    applyMessage(known, { type: "snapshot", epoch: "e", seq: 5, entries: {}, more: true });
    expect(applyMessage(known, { type: "update", from: 5, seq: 6, updates: [] }).kind).toBe("fault");
  });

  it.each([[undefined], [null], [7], ["pong"], [[]], [{}], [{ type: "weather" }], [{ type: "error", code: "x" }]])(
    "ignores %j",
    (message) => {
      expect(applyMessage(viewAt5(), message)).toEqual({ kind: "ignored" });
    },
  );
});

describe("mergePatch", () => {
  it("follows the examples of RFC 7396", () => {
    const cases = [
      [{ a: "b" }, { a: "c" }, { a: "c" }],
      [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
      [{ a: "b" }, { a: null }, {}],
      [{ a: ["b"] }, { a: "c" }, { a: "c" }],
      [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
      [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
      [
        ["a", "b"],
        ["c", "d"],
        ["c", "d"],
      ],
      [{ e: null }, { a: 1 }, { e: null, a: 1 }],
      [[1, 2], { a: "b", c: null }, { a: "b" }],
      [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ];
    for (const [target, patch, result] of cases) {
      expect(JSON.parse(JSON.stringify(mergePatch(target, patch)))).toEqual(result);
    }
  });

  it("treats __proto__ as a field like any other", () => {
    const patch = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    const merged = /** @type {Record<string, unknown>} */ (mergePatch(JSON.parse('{"__proto__":{"old":1}}'), patch));
    expect(JSON.stringify(fieldOf(merged, "__proto__"))).toBe('{"old":1,"polluted":1}');
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    expect(fieldOf({}, "toString")).toBeUndefined();
  });
});
