import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { AnySelection } from "../../src/client/selection.ts";
import type { Feed, FeedOptions } from "../../src/client/types.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import type { Update } from "../../src/protocol/update.ts";
import { FakeServer } from "./support/fake-server.ts";
import { runs } from "./support/runs.ts";
import { World } from "./support/world.ts";

let world: World;
let server: FakeServer;

beforeEach(() => {
  world = new World();
  server = new FakeServer(world);
});

const share = (options: FeedOptions<string> = {}) => world.share(options, server);
const subscribes = (): unknown[] =>
  (server.link?.heard ?? []).filter((text) => text.startsWith('{"type":"subscribe"')).map((text) => JSON.parse(text));
const entriesOf = (feed: Feed<JsonObject>): Record<string, JsonObject> => Object.fromEntries(feed.entries());

describe("feeds that share a connection", () => {
  test("of 300 rows, open one, which asks for all that they want", async () => {
    const keys = Array.from({ length: 300 }, (_, i) => `K${i}`);
    server.publish(...keys.map((key, n) => ({ key, set: { n } })));
    const rows = keys.map((key) => share({ keys: [key] }));
    await world.pass(100);
    expect(server.openings).toHaveLength(1);
    expect(server.link?.request.selection.keys).toEqual(keys.toSorted());
    expect(rows.map((row, n) => [row.state, entriesOf(row)[`K${n}`]])).toEqual(keys.map((_, n) => ["live", { n }]));
    expect(rows.every(({ size }) => size === 1)).toBe(true);
    expect(subscribes()).toEqual([]);
  });

  test("ask for what comes later in one message a turn, and in five a second", async () => {
    share({ keys: ["A"] });
    await world.pass(100);
    for (const key of ["B", "C"]) share({ keys: [key] });
    await world.pass(50);
    for (const key of ["D", "E"]) {
      share({ keys: [key] });
      await world.pass(50);
    }
    await world.pass(100);
    expect(subscribes()).toMatchObject([{ keys: ["A", "B", "C"] }, { keys: ["A", "B", "C", "D", "E"] }]);
  });

  test("are each told of their own keys and fields alone", async () => {
    const [all, some] = [share(), share({ keys: ["A", "tech.*"], fields: ["last"] })];
    const seen: unknown[] = [];
    some.on("change", (changes) => void seen.push(...changes));
    await world.pass(100);
    server.publish({ key: "A", set: { last: 1, bid: 1 } }, { key: "B", set: { last: 2 } });
    await world.pass(100);
    server.publish({ key: "A", patch: { bid: 2 } });
    await world.pass(100);
    server.publish({ key: "tech.X", set: { bid: 3 } }, { key: "A", delete: true });
    await world.pass(100);
    expect(seen).toEqual([
      { key: "A", value: { last: 1 }, previous: undefined },
      { key: "tech.X", value: {}, previous: undefined },
      { key: "A", value: undefined, previous: { last: 1 } },
    ]);
    expect(entriesOf(some)).toEqual({ "tech.X": {} });
    expect(entriesOf(all)).toEqual({ B: { last: 2 }, "tech.X": { bid: 3 } });
    expect(some.counters).toMatchObject({ messages: 2, updates: 3, connections: 1 });
  });

  test("get what the others have at once, and an event that says so", async () => {
    server.publish({ key: "A", set: { n: 1 } }, { key: "B", set: {} });
    share();
    await world.pass(100);
    const late = share({ keys: ["A"] });
    expect([late.state, late.size]).toEqual(["connecting", 0]);
    const seen: unknown[] = [];
    late.on("change", (changes, { position, cause }) => void seen.push([...changes, position, cause]));
    await world.flushPromises();
    expect(late.state).toBe("live");
    expect(seen).toEqual([[{ key: "A", value: { n: 1 }, previous: undefined }, "e1:2", "snapshot"]]);
    expect(subscribes()).toEqual([]);
  });

  test("are connecting, and not live and empty, until their keys are there", async () => {
    server.publish({ key: "A", set: {} }, { key: "B", set: {} });
    const first = share({ keys: ["A"] });
    await world.pass(100);
    const second = share({ keys: ["B"] });
    await world.pass(7);
    expect([first.state, second.state, second.size]).toEqual(["live", "connecting", 0]);
    await world.pass(10);
    expect([second.state, second.size]).toEqual(["live", 1]);
  });

  test("go on while others leave; what nobody wants any more is left a second later, and then the connection", async () => {
    const [first, second] = [share({ keys: ["A"] }), share({ keys: ["B"] })];
    await world.pass(100);
    second.close();
    expect([first.state, second.state]).toEqual(["live", "closed"]);
    await world.pass(900);
    expect(subscribes()).toEqual([]);
    await world.pass(200);
    expect(subscribes()).toMatchObject([{ keys: ["A"] }]);
    first.close();
    const back = share({ keys: ["A"] });
    await world.pass(2_000);
    expect([back.state, server.openings.length]).toEqual(["live", 1]);
    back.close();
    await world.pass(1_100);
    expect([server.link, world.timers, world.watchers]).toEqual([undefined, 0, 0]);
  });

  test("select anew each for itself", async () => {
    server.publish({ key: "A", set: { n: 1 } }, { key: "B", set: { n: 2 } });
    const [first, second] = [share({ keys: ["A"] }), share({ keys: ["A", "B"], fields: ["n"], hz: 2 })];
    await world.pass(100);
    const selected = first.select({ keys: ["B"] });
    world.promises();
    await world.pass(600);
    expect(await selected).toBe(first);
    expect([entriesOf(first), entriesOf(second)]).toEqual([{ B: { n: 2 } }, { A: { n: 1 }, B: { n: 2 } }]);
    await world.pass(1_000);
    void first.select({ hz: 5 });
    world.promises();
    await world.pass(2_000);
    expect(server.link?.request.selection).toMatchObject({ keys: ["A", "B"], fields: undefined, hz: undefined });
    expect(subscribes().at(-1)).toMatchObject({ keys: [], hz: 5 });
  });

  test("lose and regain it together, without a gap", async () => {
    const rows = ["A", "B"].map((key) => share({ keys: [key] }));
    await world.pass(100);
    server.restart(1012);
    await world.pass(10);
    expect(rows.map(({ state }) => state)).toEqual(["recovering", "recovering"]);
    const late = share({ keys: ["C"] });
    expect(late.state).toBe("connecting");
    server.publish({ key: "A", set: {} }, { key: "C", set: {} });
    await world.pass(5_000);
    expect([...rows, late].map(({ state, size }) => [state, size])).toEqual([
      ["live", 1],
      ["live", 0],
      ["live", 1],
    ]);
  });

  test("are all refused, and tried again when one more comes", async () => {
    const feed = share();
    await world.pass(100);
    server.link?.end(4403);
    await world.pass(100);
    expect(feed.status).toMatchObject({ state: "closed", code: 4403 });
    const next = share();
    world.promises();
    await world.pass(1_000);
    expect([feed.state, next.state]).toEqual(["live", "live"]);
  });

  test("with another credential, or with every update, have another connection", async () => {
    const other = new FakeServer(world, server.fixture);
    for (const options of [{ token: "other" }, { mode: "all" }] as const) {
      share();
      const apart = world.share(options, other);
      await world.pass(100);
      expect([apart.state, server.openings.length]).toEqual(["live", 1]);
      expect(other.link).toBeDefined();
      apart.close();
      world.promises();
      await world.pass(2_000);
      expect(other.link).toBeUndefined();
    }
  });

  test("are over several connections if the server would not take so many keys in one selection", async () => {
    const servers = [server, new FakeServer(world, server.fixture)];
    const rows = Array.from({ length: 1_001 }, (_, n) => world.share({ keys: [`K${n}`] }, servers[n < 1_000 ? 0 : 1]!));
    server.publish({ key: "K0", set: {} }, { key: "K1000", set: {} });
    await world.pass(200);
    world.promises();
    await world.pass(200);
    expect(servers.map(({ link }) => link?.request.selection.keys?.length)).toEqual([1_000, 1]);
    expect(rows.filter(({ state }) => state === "live")).toHaveLength(1_001);
    expect([rows[0]?.size, rows[1_000]?.size]).toEqual([1, 1]);
  });
});

const update: fc.Arbitrary<Update> = fc.oneof(
  fc.record({ key: fc.constantFrom("A", "B", "tech.X"), set: fc.constantFrom({ p: 1 }, { p: 2, q: 1 }, { q: 2 }) }),
  fc.record({ key: fc.constantFrom("A", "B", "tech.X"), patch: fc.constantFrom({ p: 3 }, { q: null }, { r: 1 }) }),
  fc.record({ key: fc.constantFrom("A", "B", "tech.X"), delete: fc.constant<true>(true) }),
);
const selection: fc.Arbitrary<AnySelection> = fc.record({
  keys: fc.constantFrom([], ["A"], ["B"], ["tech.*"], ["A", "tech.X"], ["*"], ["none"]),
  fields: fc.constantFrom<(string[] | undefined)[]>(undefined, ["p"], ["q", "p"]),
  hz: fc.constantFrom(undefined, 10),
});
const who = fc.nat(4);

/** Feeds that come, go, and select anew, over one connection that is cut. */
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ publish: fc.array(update, { minLength: 1, maxLength: 3 }) }) },
    { weight: 4, arbitrary: fc.record({ pass: fc.constantFrom(0, 1, 7, 20, 300, 3_000) }) },
    { weight: 2, arbitrary: fc.record({ who, select: selection }) },
    { weight: 2, arbitrary: fc.record({ who, join: selection }) },
    fc.record({ who, leave: fc.constant(true) }),
    fc.record({ cut: fc.constantFrom(1006, 1012) }),
    fc.record({ reset: fc.constant(true) }),
  ),
  { maxLength: 40, size: "max" },
);

describe("[I2] whatever its users do meanwhile, each sees what it selects of what the server has", () => {
  test("at every moment, and in the end", async () => {
    const numRuns = runs(150);
    const seen = { changes: 0, subscribes: 0, reconnections: 0 };
    await fc.assert(
      fc.asyncProperty(fc.integer(), steps, async (seed, steps) => {
        const run = new Run(seed);
        for (const step of steps) {
          run.take(step);
          await run.world.pass("pass" in step ? step.pass : 0);
          for (const user of run.users) user.check();
        }
        await run.end();
        seen.changes += run.users.reduce((sum, { changes }) => sum + changes, 0);
        seen.subscribes += run.server.links
          .flatMap(({ heard }) => heard)
          .filter((text) => text.includes("subs")).length;
        seen.reconnections += run.server.openings.length - 1;
      }),
      { numRuns },
    );
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(numRuns / 4);
  });
});

class Run {
  readonly world: World;
  readonly server: FakeServer;
  readonly users: User[] = [];

  constructor(seed: number) {
    this.world = new World(seed);
    this.server = new FakeServer(this.world);
    this.join({});
  }

  join(selection: AnySelection): void {
    this.users.push(new User(this, selection));
  }

  take(step: object): void {
    const { world, server } = this;
    const {
      who = 0,
      publish,
      select,
      join,
      leave,
      cut,
      reset,
    } = step as {
      who?: number;
      publish?: Update[];
      select?: AnySelection;
      join?: AnySelection;
      leave?: true;
      cut?: number;
      reset?: true;
    };
    world.promises();
    const user = this.users[who];
    if (publish) server.publish(...publish);
    if (select) user?.select(select);
    if (join) this.join(join);
    if (leave && this.users.length > 1) user?.feed.close();
    if (cut !== undefined) server.link?.end(cut);
    if (reset) server.reset();
  }

  async end(): Promise<void> {
    const { world, server, users } = this;
    world.promises();
    await world.pass(60_000);
    // What is lost shows with the next update.
    server.publish({ key: "A", set: { p: 9 } });
    await world.pass(60_000);
    for (const user of users) {
      user.check();
      if (user.feed.state === "closed") continue;
      expect(user.feed.state).toBe("live");
      expect(entriesOf(user.feed)).toEqual(server.restricted(server.fixture.entries(), user.wanted));
      user.feed.close();
    }
    world.promises();
    await world.pass(5_000);
    expect([world.reported, world.timers, world.watchers, server.link]).toEqual([[], 0, 0, undefined]);
  }
}

class User {
  readonly feed: Feed<JsonObject>;
  readonly #server: FakeServer;
  /** The entries as the events alone tell them. */
  readonly #mirror = new Map<string, JsonObject>();
  wanted: AnySelection;
  /** What it may still show. */
  #before: AnySelection[] = [];
  changes = 0;

  constructor({ world, server }: Run, selection: AnySelection) {
    this.#server = server;
    this.wanted = selection;
    this.feed = world.share(selection, server);
    this.feed.on("change", (changes) => {
      for (const { key, value, previous } of changes) {
        this.changes++;
        expect(this.#mirror.get(key), "the value before").toEqual(previous);
        if (value) this.#mirror.set(key, value);
        else this.#mirror.delete(key);
      }
      this.check();
    });
  }

  select(selection: AnySelection): void {
    if (this.feed.state !== "connecting") this.#before.push(this.wanted);
    this.wanted = selection;
    this.feed.select(selection).then(
      () => this.wanted === selection && (this.#before = []),
      () => {},
    );
  }

  check(): void {
    const { feed } = this;
    expect(entriesOf(feed)).toEqual(Object.fromEntries(this.#mirror));
    if (feed.state === "connecting") expect(feed.size).toBe(0);
    if (feed.state !== "live") return;
    const known = this.#server.history.get(feed.position ?? "");
    const possible = [this.wanted, ...this.#before].map((selection) => this.#server.restricted(known!, selection));
    expect(possible).toContainEqual(entriesOf(feed));
  }
}
