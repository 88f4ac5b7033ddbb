import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FeedClosedError } from "../../src/client/errors.ts";
import { msgpack } from "../../src/client/msgpack.ts";
import type { AnySelection } from "../../src/client/selection.ts";
import type { Change, Feed } from "../../src/client/types.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import type { Update } from "../../src/protocol/update.ts";
import { FakeServer, type Spoil } from "./support/fake-server.ts";
import { runs } from "./support/runs.ts";
import { World } from "./support/world.ts";

/** Few keys and members, so that the updates meet each other. */
const keys = fc.constantFrom("A", "A", "B", "tech.X", "tech.Y", "__proto__");
const value = fc.constantFrom({ p: 1 }, { p: 2, q: { r: 1 } }, { q: null }, { q: { r: null, s: 2 } }, { q: 3 }, {});
const update: fc.Arbitrary<Update> = fc.oneof(
  fc.record({ key: keys, set: value }),
  fc.record({ key: keys, patch: value }),
  fc.record({ key: keys, delete: fc.constant<true>(true) }),
);
const selection: fc.Arbitrary<AnySelection> = fc.record({
  keys: fc.constantFrom(undefined, [], ["A"], ["tech.*"], ["A", "tech.*"], ["tech.*", "A"], ["*"], ["none"]),
  fields: fc.constantFrom<(string[] | undefined)[]>(undefined, [], ["p"], ["q", "p"], ["none"]),
  hz: fc.constantFrom(undefined, undefined, 1),
  mode: fc.constantFrom(undefined, "latest" as const, "all" as const),
});

/** What may happen, as often as its weight says. Its name and argument show in a counterexample. */
function step<T>(weight: number, name: string, argument: fc.Arbitrary<T>, happen: (run: Run, argument: T) => unknown) {
  return { weight, arbitrary: argument.map((value) => ({ name, value, happen: (run: Run) => happen(run, value) })) };
}
function event(name: string, happen: (run: Run) => unknown) {
  return step(1, name, fc.constant(undefined), happen);
}

/** What may go wrong between the two, and what the user may do meanwhile. */
const steps = fc.array(
  fc.oneof(
    step(16, "publish", fc.array(update, { minLength: 1, maxLength: 4 }), (run, updates) =>
      run.server.publish(...updates),
    ),
    step(16, "pass", fc.constantFrom(1, 10, 300, 3_000, 40_000), (run, ms) => run.world.pass(ms)),
    step(6, "close", fc.constantFrom(1001, 1006, 1011, 1012, 4429, 4503), (run, code) => run.server.link?.end(code)),
    step(6, "spoil", fc.constantFrom("lose", "double", "garble", "truncate"), ({ server: { link } }, how) => {
      if (link) link.spoil = SPOILS[how];
    }),
    step(4, "select", selection, (run, wanted) => {
      run.wanted = wanted;
      void run.feed.select(wanted);
    }),
    step(2, "delay", fc.constantFrom(0, 5, 400, 2_000), (run, ms) => (run.server.delay = ms)),
    event("die", ({ server: { link } }) => {
      if (link) link.isDead = true;
    }),
    event("restart", ({ server }) => server.restart(1012)),
    event("down", ({ server }) => {
      server.isUp = false;
      server.restart(1006);
    }),
    event("up", ({ server }) => (server.isUp = true)),
    event("reset", ({ server }) => server.reset()),
    event("offline", ({ world }) => world.emit("offline")),
    event("online", ({ world }) => world.emit("online")),
    event("visible", ({ world }) => world.emit("visible")),
    event("sleep", ({ world }) => (world.now += 300_000)),
    event("reconnect", ({ feed }) => feed.reconnect()),
    event("rotate", ({ server }) => {
      server.token += "+";
      server.link?.end(4401);
    }),
    event("withhold", (run) => (run.withholds = !run.withholds)),
  ),
  { maxLength: 60, size: "max" },
);

describe("[I2] whatever happens on the way, a feed ends with what the server has", () => {
  test("after any cuts, losses, restarts, resets, rotations of tokens, sleep and changes of the selection", async () => {
    const numRuns = runs(250);
    const seen = { connections: 0, changes: 0, closed: 0, packed: 0 };
    await fc.assert(
      fc.asyncProperty(fc.integer(), selection, fc.boolean(), steps, async (seed, first, isPacked, steps) => {
        const run = new Run(seed, first, isPacked);
        for (const { happen } of steps) {
          await happen(run);
          await run.world.pass(0);
        }
        await run.end();
        seen.connections += run.feed.counters.connections;
        seen.changes += run.changes;
        seen.closed += run.closed;
        seen.packed += Number(isPacked);
      }),
      { numRuns },
    );
    // The property proves something only if all of this happened.
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(numRuns / 4);
  });
});

class Run {
  readonly world: World;
  readonly server: FakeServer;
  readonly feed: Feed<JsonObject>;
  /** The entries as the events alone tell them. */
  readonly mirror = new Map<string, JsonObject>();
  readonly iterated = new Map<string, JsonObject>();
  changes = 0;
  closed = 0;
  wanted: AnySelection;
  /** Whether the user's `token` function fails, or does not answer. */
  withholds = false;
  readonly #iteration: AsyncIterableIterator<Change<JsonObject>>;

  constructor(seed: number, selection: AnySelection, isPacked: boolean) {
    this.world = new World(seed);
    this.server = new FakeServer(this.world);
    this.server.token = "token";
    this.server.isPacked = isPacked;
    this.world.answer = (_, { headers }) => this.#answer(new Headers(headers).get("Authorization"));
    this.wanted = selection;
    const token = (): Promise<string> => this.#token();
    this.feed = this.world.connect({ ...selection, token, format: isPacked ? msgpack : undefined }, this.server);
    this.feed.on("change", (changes) => this.#check(changes));
    this.feed.on("status", ({ state }) => void (this.closed += Number(state === "closed")));
    this.#iteration = this.feed[Symbol.asyncIterator]();
  }

  /** Everything is well again; nothing else is published. */
  async end(): Promise<void> {
    const { server, world, feed, mirror } = this;
    this.withholds = false;
    server.isUp = true;
    server.delay = 5;
    if (server.link) server.link.spoil = undefined;
    world.emit("online");
    await world.pass(200_000);
    // A lost update shows with the next one.
    server.publish(...["A", "tech.X", "tech.Y"].map((key) => ({ key, set: { p: 9 } })));
    await world.pass(100_000);
    // The server may have refused it in the meantime: then the user reconnects.
    feed.reconnect();
    await world.pass(60_000);
    expect(feed.status).toMatchObject({ state: "live", retryAt: undefined, code: undefined });
    const expected = server.restricted(server.fixture.entries(), this.wanted);
    expect(Object.fromEntries(feed.entries())).toEqual(expected);
    expect(Object.fromEntries(mirror)).toEqual(expected);
    expect(Object.fromEntries(feed.getSnapshot().entries)).toEqual(expected);
    // An iterator of a feed that was refused has ended with that error.
    if (this.closed === 0) {
      await this.#drain();
      expect(Object.fromEntries(this.iterated)).toEqual(expected);
    } else await expect(this.#drain()).rejects.toThrow(FeedClosedError);
    expect(world.reported).toEqual([]);
    feed.close();
    expect({ timers: world.timers, watchers: world.watchers, link: server.link }).toEqual({
      timers: 0,
      watchers: 0,
      link: undefined,
    });
    const gaps = server.openings.slice(1).map((at, i) => at - server.openings[i]!);
    expect(Math.min(250, ...gaps), "a tight loop").toBe(250);
  }

  /** A batch is whole, and events tell exactly what has changed. */
  #check(changes: readonly Change<JsonObject>[]): void {
    const { feed, mirror, server } = this;
    for (const { key, value, previous } of changes) {
      this.changes++;
      expect(mirror.get(key), "the value before").toBe(previous);
      if (value === undefined) mirror.delete(key);
      else mirror.set(key, value);
    }
    const known = server.history.get(feed.position ?? "");
    expect(known, `a position inside a batch: ${feed.position}`).toBeDefined();
    expect(Object.fromEntries(feed.entries())).toEqual(server.restricted(known!, server.selected));
    expect(mirror).toEqual(new Map(feed.entries()));
  }

  async #drain(): Promise<void> {
    this.feed.close();
    for await (const { key, value } of this.#iteration) {
      if (value === undefined) this.iterated.delete(key);
      else this.iterated.set(key, value);
    }
  }

  #answer(authorization: string | null): Response {
    if (!this.server.isUp) throw new TypeError("fetch failed");
    const status = authorization === `Bearer ${this.server.token}` ? 304 : 401;
    return new Response(status === 401 ? `{"detail":"The credential is not valid."}` : null, { status });
  }

  async #token(): Promise<string> {
    this.world.promises();
    if (!this.withholds) return this.server.token!;
    if (this.world.random() < 0.5) throw new Error("not now");
    return new Promise(() => {});
  }
}

/** What happens to the next message. */
const SPOILS: Record<string, Spoil> = {
  // Updates say what they follow. A missing snapshot shows nowhere, so a transport has to keep the order.
  lose: (text, write) => (text.startsWith('{"type":"update"') ? [] : [write(text)]),
  double: (text, write) => [write(text), write(text)],
  garble: (_, write) => [write('{"type":"update","from":0,"seq":1,"updates":[{"key":"A"}]}')],
  truncate: (text, write) => [write(text).slice(0, -2)],
};
