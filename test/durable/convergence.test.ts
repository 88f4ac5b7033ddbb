import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Update } from "../../src/protocol/update.ts";
import { ADMIN_KEY, newFeed, post, request, snapshot } from "../support/api.ts";
import { runs } from "../support/runs.ts";
import { TestSubscriber } from "../support/subscriber.ts";
import { isWanted, View } from "../support/view.ts";
import { evict } from "./evictions.ts";

const keys = fc.constantFrom("A", "B", "tech.X", "tech.Y");
const selections = fc.constantFrom<string[]>([], ["A"], ["tech.*"], ["B", "tech.X"]);
const value = fc.constantFrom({ p: 1 }, { p: 2, q: { r: 1 } }, { q: null }, { q: { s: 2 } });
const update: fc.Arbitrary<Update> = fc.oneof(
  fc.record({ key: keys, set: value }),
  fc.record({ key: keys, patch: value }),
  fc.record({ key: keys, delete: fc.constant<true>(true) }),
);

type Step =
  | { do: "publish"; updates: Update[] }
  | { do: "publishOverSocket"; who: number; updates: Update[] }
  | { do: "cut" | "resume"; who: number }
  | { do: "subscribe"; who: number; keys: string[] }
  | { do: "evict" | "reset" };

const who = fc.nat({ max: 2 });
const updates = fc.array(update, { minLength: 1, maxLength: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("publish" as const), updates }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("publishOverSocket" as const), who, updates }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("cut", "resume"), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("subscribe" as const), who, keys: selections }) },
  { weight: 3, arbitrary: fc.constant({ do: "evict" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "reset" as const }) },
);

/** A client that comes and goes and keeps its view. */
class Client {
  socket: TestSubscriber | undefined;
  view = new View();
  keys: readonly string[];
  readonly mode: string;

  constructor(keys: readonly string[], mode: string) {
    this.keys = keys;
    this.mode = mode;
    this.view.wants = keys;
  }

  async connect(feed: string): Promise<TestSubscriber> {
    const query = new URLSearchParams({ mode: this.mode });
    if (this.keys.length > 0) query.set("keys", this.keys.join(","));
    const { position } = this.view;
    if (position) query.set("since", `${position.epoch}:${position.seq}`);
    const headers = { Authorization: "Bearer publish-key" };
    this.socket = await TestSubscriber.connect(feed, `?${query.toString()}`, headers, this.view);
    return this.socket;
  }

  async cut(): Promise<void> {
    this.socket?.close();
    await this.socket?.until(({ closed }) => closed !== undefined, "the close");
    this.socket = undefined;
  }
}

describe("[I2] whatever happens to sockets and memory, views converge to the snapshot", () => {
  test("random publishes, cuts, resumes, selection changes, evictions and resets", async () => {
    const modes = fc.array(fc.tuple(selections, fc.constantFrom("latest", "all")), { minLength: 3, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(modes, fc.array(step, { maxLength: 25, size: "max" }), async (modes, steps) => {
        const feed = newFeed();
        const clients = modes.map(([keys, mode]) => new Client(keys, mode));
        for (const client of clients) await client.connect(feed);
        for (const step of steps) await act(feed, clients, step);
        for (const client of clients) if (!client.socket) await client.connect(feed);
        await evict(feed);
        const { epoch, entries } = await snapshot(feed);
        for (const client of clients) {
          const expected = Object.fromEntries(Object.entries(entries).filter(([key]) => isWanted(client.keys, key)));
          await client.socket!.until(
            ({ view }) => view.position?.epoch === epoch && equal(view.state(), expected),
            `the view ${JSON.stringify(expected)} of ${client.keys.join(",") || "everything"}, not ${JSON.stringify(client.view.state())}`,
          );
          client.socket!.close();
        }
      }),
      { numRuns: runs(20), interruptAfterTimeLimit: 600_000 },
    );
  }, 900_000);
});

async function act(feed: string, clients: readonly Client[], step: Step): Promise<void> {
  const client = "who" in step ? clients[step.who]! : undefined;
  switch (step.do) {
    case "publish":
      expect((await post(feed, step.updates)).status).toBe(200);
      break;
    case "publishOverSocket":
      client!.socket?.send({ type: "publish", updates: step.updates });
      break;
    case "cut":
      await client!.cut();
      break;
    case "resume":
      await client!.cut();
      await client!.connect(feed);
      break;
    case "subscribe":
      // A position is of a selection: it changes while connected, or it begins anew.
      if (!client!.socket) break;
      await client!.socket.until(({ position }) => position !== undefined, "the first snapshot");
      client!.keys = step.keys;
      client!.socket.send({ type: "subscribe", id: ++messageId, keys: step.keys });
      await client!.socket.message("snapshot", messageId);
      break;
    case "evict":
      await evict(feed);
      break;
    case "reset":
      await request(`/v1/feeds/${feed}`, { method: "DELETE", headers: { Authorization: `Bearer ${ADMIN_KEY}` } });
      break;
  }
}

let messageId = 0;

/** Whether two states say the same, whatever the order of their members. */
function equal(a: unknown, b: unknown): boolean {
  try {
    expect(a).toEqual(b);
    return true;
  } catch {
    return false;
  }
}
