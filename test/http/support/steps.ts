import fc from "fast-check";
import type { JsonObject } from "../../../src/protocol/json.ts";
import type { Mode } from "../../../src/protocol/codes.ts";
import type { Update } from "../../../src/protocol/update.ts";

/** A connection that stays: over what, and where it is cut. */
export interface Opening {
  readonly over: "json" | "packed" | "events";
  /** The client says by the query, and not by `Last-Event-ID`, where a stream is to go on. */
  readonly byQuery?: boolean;
  /** The connection is cut after so many messages, or hundreds of bytes of a stream; never if undefined. */
  readonly cut?: number | undefined;
  /** Another selection: it begins anew with it. */
  readonly selected?: Selected | undefined;
}

/** One request and its answer. */
export interface Reading {
  /** From its position on, or everything. */
  readonly plain: boolean;
  /** With a credential. */
  readonly known: boolean;
  /** Everything, unless it is what the client has. */
  readonly unlessSame: boolean;
  /** Half of the answer never comes. */
  readonly lost: boolean;
}

/** What a client selects. */
export interface Selected {
  readonly keys: readonly string[];
  /** None are all. */
  readonly fields: readonly string[];
}

/** What a client subscribes to. */
export interface Interest extends Selected {
  readonly mode: Mode;
  readonly hz: number | undefined;
}

/** What may happen on a journey. `who` is a client, `cache` one of the shared caches. */
export type Step =
  | { do: "publish"; over: "post" | "socket"; batches: readonly (readonly Update[])[] }
  | { do: "open"; who: number; cache: number; opening: Opening }
  | { do: "read"; who: number; cache: number; reading: Reading }
  | { do: "poll"; who: number; cache: number; lost: boolean; evicts: boolean; updates: readonly Update[] }
  | { do: "select"; who: number; selected: Selected }
  | { do: "catchUp" | "drop"; who: number }
  | { do: "pass"; ms: number }
  | { do: "expire"; alarm: boolean }
  | { do: "evict" | "reset" };

/** Few keys and members, so that everything meets everything. */
const key = fc.constantFrom("A", "B", "tech.X");
const value = fc.constantFrom<JsonObject>({ p: 1 }, { p: 2, q: { r: 1 } }, { q: null }, { q: { s: 2 } }, {});
/** When exactly an entry ends is said when it is published. */
const ttl = fc.constant(1);
const update: fc.Arbitrary<Update> = fc.oneof(
  fc.record({ key, set: value }),
  fc.record({ key, patch: value }),
  fc.record({ key, patch: value }),
  fc.record({ key, delete: fc.constant<true>(true) }),
  fc.record({ key, set: value, ttl }),
  fc.record({ key, patch: value, time: fc.constant(1_700_000_000_000) }),
  fc.record({ key, set: value, version: fc.integer({ min: 1, max: 9 }) }),
);
const batch = fc.array(update, { minLength: 1, maxLength: 3 });
/** So much that a snapshot of it comes in parts. */
export const large = Array.from({ length: 6 }, (_, i): Update => ({
  key: `tech.${i}`,
  set: { text: `"seq":${i},`.repeat(5_000) },
}));

const selection = {
  keys: fc.constantFrom<string[]>([], ["tech.*"], ["A"], ["B", "tech.X"], ["*"], ["A", "tech.*"]),
  fields: fc.constantFrom<string[]>([], [], ["p"], ["q"], ["none"], ["p", "q", "text"]),
};
const selected: fc.Arbitrary<Selected> = fc.record(selection);
const who = fc.nat({ max: 2 });
const cache = fc.nat({ max: 1 });
const over = fc.constantFrom("json", "packed", "events");
const seldom = fc.integer({ min: 0, max: 9 }).map((n) => n === 0);

function oneIn<T>(times: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: times - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

const opening: fc.Arbitrary<Opening> = fc.record({
  over,
  byQuery: fc.boolean(),
  cut: oneIn(2, fc.nat({ max: 8 })),
  selected: oneIn(10, selected),
});
const reading = fc.record({
  plain: fc.constantFrom(true, false, false),
  known: seldom,
  unlessSame: fc.boolean(),
  lost: seldom,
});

function step<const Name extends Step["do"], Model extends object>(
  name: Name,
  model: { [Member in keyof Model]: fc.Arbitrary<Model[Member]> },
): fc.Arbitrary<{ do: Name } & Model> {
  return fc.record(model).map((rest) => Object.assign(rest, { do: name }));
}

const polled = fc.array(fc.record({ key, patch: value }), { minLength: 1, maxLength: 2 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 16,
    arbitrary: step("publish", {
      over: fc.constantFrom("post", "socket"),
      batches: fc.array(batch, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: step("publish", { over: fc.constant("post" as const), batches: fc.constant([large]) }),
  },
  { weight: 12, arbitrary: step("open", { who, cache, opening }) },
  { weight: 10, arbitrary: step("read", { who, cache, reading }) },
  {
    weight: 4,
    arbitrary: step("poll", {
      who,
      cache,
      lost: fc.constantFrom(true, false, false),
      evicts: fc.boolean(),
      updates: polled,
    }),
  },
  { weight: 2, arbitrary: step("select", { who, selected }) },
  { weight: 3, arbitrary: step("catchUp", { who }) },
  { weight: 1, arbitrary: step("drop", { who }) },
  { weight: 2, arbitrary: step("pass", { ms: fc.constantFrom(400, 1_000) }) },
  { weight: 4, arbitrary: step("expire", { alarm: fc.boolean() }) },
  { weight: 4, arbitrary: fc.constant<Step>({ do: "evict" }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "reset" }) },
);

export const journeys = fc.array(anyStep, { maxLength: 30, size: "max" });

export const interests: fc.Arbitrary<Interest[]> = fc.array(
  fc.record({
    ...selection,
    mode: fc.constantFrom("latest", "all"),
    hz: fc.constantFrom(undefined, undefined, 30),
  }),
  { minLength: 3, maxLength: 3 },
);

/** How each client comes to the end of the journey. */
export type Ending = Opening["over"] | "read";
export const endings = fc.array(fc.constantFrom<Ending[]>("json", "packed", "events", "read"), {
  minLength: 3,
  maxLength: 3,
});
