import { describe, expect, test } from "vitest";
import { createView, type SentSubscribe, type View } from "../../src/client/view.ts";

const snapshot = (entries: object, more: object = {}): object => ({
  type: "snapshot",
  epoch: "e1",
  seq: 5,
  reason: "initial",
  entries,
  ...more,
});
const update = (updates: unknown, more: object = {}): object => ({
  type: "update",
  from: 5,
  seq: 6,
  time: 7,
  updates,
  ...more,
});

/** A view after some messages, as JSON. */
function viewOf(...messages: object[]): View {
  const view = createView();
  for (const message of messages) apply(view, message);
  return view;
}
type Shown = Exclude<ReturnType<View["read"]>, { type: "hello" }>;

/** By default, as if no `subscribe` was sent: no message answers one. */
function read(view: View, frame: string, sent: SentSubscribe = { id: 0 }): Shown {
  const event = view.read(frame, sent);
  return event?.type === "hello" ? undefined : event;
}
function apply(view: View, message: object | string | number | null, sent?: SentSubscribe): Shown {
  return read(view, JSON.stringify(message), sent);
}
const stateOf = (view: View): object => Object.fromEntries(view.entries);

describe("[I3] a message is applied whole or not at all", () => {
  test("a snapshot in parts shows with its last part", () => {
    const view = viewOf(snapshot({ A: { n: 1 } }));
    expect(apply(view, snapshot({ B: { n: 2 } }, { more: true, seq: 9, reason: "lagging" }))).toBeUndefined();
    expect(stateOf(view)).toEqual({ A: { n: 1 } });
    expect(apply(view, snapshot({ C: { n: 3 } }, { seq: 9, reason: "lagging" }))).toEqual({
      type: "applied",
      changes: [
        { key: "A", value: undefined, previous: { n: 1 } },
        { key: "B", value: { n: 2 }, previous: undefined },
        { key: "C", value: { n: 3 }, previous: undefined },
      ],
      batch: { position: "e1:9", time: undefined, cause: "snapshot", reason: "lagging", skipped: 0 },
      current: true,
    });
  });

  test("a whole snapshot gives the entries in the order of the server, as a new client has them", () => {
    const view = viewOf(snapshot({ A: { n: 1 }, B: { n: 1 }, C: { n: 1 } }));
    apply(view, snapshot({ C: { n: 1 }, B: { n: 2 }, D: { n: 1 }, A: { n: 1 } }, { seq: 9, reason: "lagging" }));
    expect([...view.entries.keys()]).toEqual(["C", "B", "D", "A"]);
    apply(view, snapshot({ E: { n: 1 }, C: { n: 2 } }, { seq: 9, reason: "subscribe", id: 0 }));
    expect([...view.entries.keys()]).toEqual(["C", "B", "D", "A", "E"]);
  });

  test.each([
    ["two changes", { key: "A", set: {}, delete: true }],
    ["no change", { key: "A" }],
    ["no key", { set: {} }],
    ["a value that is no object", { key: "A", set: [1] }],
    ["a patch that is no object", { key: "A", patch: null }],
    ["delete that is not true", { key: "A", delete: false }],
  ])("an update with %s changes nothing, the good ones beside it neither", (_, bad) => {
    const view = viewOf(snapshot({ A: { n: 1 } }));
    expect(apply(view, update([{ key: "B", set: {} }, bad]))).toMatchObject({ type: "protocolError" });
    expect(stateOf(view)).toEqual({ A: { n: 1 } });
    expect(view.position()).toBe("e1:5");
  });

  test.each([
    ["a gap", update([], { from: 4 })],
    ["a seq that goes back", update([], { seq: 4 })],
    ["a seq that is none", update([], { seq: "6" })],
    ["a snapshot with a value that is no object", snapshot({ A: 1 })],
    ["a snapshot without a position", { type: "snapshot", entries: {} }],
    ["an answer that was not asked for", snapshot({}, { reason: "subscribe", id: 3 })],
  ])("%s is a protocol error", (_, message) => {
    expect(apply(viewOf(snapshot({})), message)).toMatchObject({ type: "protocolError" });
  });

  test("an update before a snapshot, inside one, or of another epoch is a protocol error", () => {
    expect(apply(createView(), update([]))).toMatchObject({ type: "protocolError" });
    expect(apply(viewOf(snapshot({}), snapshot({}, { more: true })), update([]))).toMatchObject({
      type: "protocolError",
    });
    const elsewhere = viewOf(snapshot({}), { type: "hello", epoch: "e2", seq: 5 });
    expect(apply(elsewhere, update([]))).toMatchObject({ type: "protocolError" });
  });

  test("the parts of a snapshot that a lost connection left are dropped", () => {
    const view = viewOf(snapshot({ A: {} }), snapshot({ B: {} }, { more: true }));
    view.begin(true);
    apply(view, { type: "hello", epoch: "e1", seq: 6 });
    expect(apply(view, update([{ key: "C", set: {} }]))).toMatchObject({ type: "applied" });
    expect(stateOf(view)).toEqual({ A: {}, C: {} });
  });
});

describe("[SUB5] a snapshot in parts", () => {
  test("may have answers between its parts", () => {
    const view = viewOf(snapshot({ A: {} }, { more: true }));
    const asked = { id: 4, keys: ["A"] };
    const receipt = { type: "receipt", id: 1, epoch: "e1", seq: 6, accepted: 1, stale: 0 };
    expect(apply(view, receipt)).toEqual({ type: "answered", answer: receipt });
    expect(apply(view, { type: "authorized", id: 2, expires: 9 })).toEqual({ type: "authorized", expires: 9 });
    const error = { type: "error", code: "invalid_message", message: "bad" };
    expect(apply(view, error)).toEqual({ type: "answered", answer: error });
    expect(apply(view, { ...error, id: 4 }, asked)).toEqual({ type: "selectRefused", why: "bad" });
    expect(apply(view, snapshot({ B: {} }))).toMatchObject({ type: "applied", changes: [{ key: "A" }, { key: "B" }] });
  });

  test("may be older than its hello: what has changed since follows on it", () => {
    const view = createView();
    apply(view, { type: "hello", epoch: "e1", seq: 9 });
    expect(apply(view, snapshot({ A: { n: 1 } }, { time: 5 }))).toMatchObject({
      type: "applied",
      current: true,
      batch: { position: "e1:5", time: 5 },
    });
    expect(apply(view, update([{ key: "A", patch: { n: 2 } }], { from: 5, seq: 10 }))).toMatchObject({
      type: "applied",
      current: true,
    });
    expect([stateOf(view), view.position()]).toEqual([{ A: { n: 2 } }, "e1:10"]);
  });

  test("of the time before a reset is replaced by that of the reset", () => {
    const view = viewOf(snapshot({ A: {} }, { more: true }), snapshot({ B: {} }));
    const reset = snapshot({}, { epoch: "e2", seq: 0, reason: "reset" });
    expect(apply(view, reset)).toMatchObject({ type: "applied", batch: { position: "e2:0", reason: "reset" } });
    expect(stateOf(view)).toEqual({});
  });
});

describe("values", () => {
  test("are never modified: a changed value is another object", () => {
    const view = viewOf(snapshot({ A: { n: 1, deep: { x: 1 } }, B: {} }));
    const [before, other] = [view.entries.get("A"), view.entries.get("B")];
    apply(view, update([{ key: "A", patch: { n: null, deep: { y: 2 } } }]));
    expect(before).toEqual({ n: 1, deep: { x: 1 } });
    expect(view.entries.get("A")).toEqual({ deep: { x: 1, y: 2 } });
    expect(view.entries.get("B")).toBe(other);
  });

  test("that a snapshot repeats stay the same objects, and are no changes", () => {
    const view = viewOf(snapshot({ A: { n: [1, { m: null }], o: { a: 1, b: 2 } }, B: { n: 1 } }));
    const before = view.entries.get("A");
    const outcome = apply(view, snapshot({ A: { o: { b: 2, a: 1 }, n: [1, { m: null }] }, B: { n: 2 } }));
    expect(outcome).toMatchObject({ changes: [{ key: "B", value: { n: 2 }, previous: { n: 1 } }] });
    expect(view.entries.get("A")).toBe(before);
  });

  test("and keys may have any name", () => {
    const view = viewOf();
    read(view, `{"type":"snapshot","epoch":"e1","seq":5,"reason":"initial","entries":{"__proto__":{"a":1},"x":{}}}`);
    read(view, `{"type":"update","from":5,"seq":6,"updates":[{"key":"x","patch":{"__proto__":{"polluted":1}}}]}`);
    expect(view.entries.get("__proto__")).toEqual({ a: 1 });
    expect(JSON.stringify(view.entries.get("x"))).toBe('{"__proto__":{"polluted":1}}');
    expect("polluted" in {}).toBe(false);
    // A missing member is not looked up on the prototype either.
    const outcome = read(
      view,
      `{"type":"snapshot","epoch":"e1","seq":7,"reason":"reset","entries":{"x":{"constructor":{}}}}`,
    );
    expect(outcome).toMatchObject({ changes: [{ key: "__proto__" }, { key: "x" }] });
  });
});

test("[SEL3] the answer to subscribe adds what is new, drops what is no longer selected, and keeps the rest", () => {
  const view = viewOf(snapshot({ A: { n: 1 }, "tech.B": { n: 2 } }));
  const kept = view.entries.get("tech.B");
  const asked = { id: 4, keys: ["tech.*", "C"] };
  const outcome = apply(view, snapshot({ C: { n: 3 } }, { reason: "subscribe", id: 4, seq: 8 }), asked);
  expect(outcome).toMatchObject({
    type: "applied",
    batch: { reason: "subscribe" },
    changes: [{ key: "A" }, { key: "C" }],
  });
  expect(stateOf(view)).toEqual({ "tech.B": { n: 2 }, C: { n: 3 } });
  expect(view.entries.get("tech.B")).toBe(kept);
});

test("[SEL3] an answer with other fields takes the place of what there was", () => {
  const view = viewOf(snapshot({ A: { n: 1, m: 1 }, B: { n: 2, m: 2 }, C: { n: 3 } }));
  const asked = { id: 4, keys: ["A", "C"], fields: ["n"] };
  const answer = snapshot({ A: { n: 1 }, C: { n: 3 } }, { reason: "subscribe", id: 4, seq: 8 });
  expect(apply(view, answer, asked)).toMatchObject({ changes: [{ key: "B" }, { key: "A" }] });
  expect(stateOf(view)).toEqual({ A: { n: 1 }, C: { n: 3 } });
});

test("a deletion of a missing entry is no change, and a repeated value is one", () => {
  const view = viewOf(snapshot({ A: { n: 1 } }));
  const updates = [
    { key: "X", delete: true },
    { key: "A", set: { n: 1 } },
  ];
  const outcome = apply(view, update(updates, { skipped: 3 }));
  expect(outcome).toMatchObject({ changes: [{ key: "A" }], batch: { time: 7, skipped: 3, cause: "update" } });
});

test("[SUB1] is current when it is where the server was at the beginning", () => {
  const view = viewOf(snapshot({}));
  view.begin(true);
  apply(view, { type: "hello", epoch: "e1", seq: 7 });
  expect(apply(view, update([]))).toMatchObject({ current: false });
  expect(apply(view, update([], { from: 6, seq: 7 }))).toMatchObject({ current: true });
});

test("what is not JSON is a protocol error", () => {
  expect(read(viewOf(snapshot({})), '{"type":"upd')).toMatchObject({ type: "protocolError" });
});

test("unknown messages and members are ignored", () => {
  const view = viewOf(snapshot({}, { colour: 1 }));
  for (const message of [{ type: "news" }, {}, [], null, 4, "text"]) expect(apply(view, message)).toBeUndefined();
  expect(apply(view, update([{ key: "A", set: {}, time: 3, colour: 1 }], { colour: 1 }))).toMatchObject({
    type: "applied",
  });
});
