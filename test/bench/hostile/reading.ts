import { pause } from "../load/clock.ts";
import { ADDRESS_RATE, burst, type Attack } from "./attack.ts";
import { CYRILLIC, FULL, LARGE, LOG, MEMBERS, SMALL, WIDE } from "./feeds.ts";
import { ask, begin, read } from "./http.ts";
import { HostileSocket } from "./socket.ts";
import { ADMIN_KEY, pathOf, type HostileTarget } from "./target.ts";

/** The largest number of prefixes that a selection may have, none of which matches a key. */
export function prefixes(salt = 0): string {
  return Array.from({ length: 1_000 }, (_, i) => `zz${String(i + 1_000 * (salt % 90)).padStart(5, "0")}*`).join(",");
}

/** As many fields as may be selected, nearly all of which no value has. */
export function fields(salt = 0): string[] {
  return ["last", ...Array.from({ length: 63 }, (_, i) => `zz${i + 63 * (salt % 1_000)}`)];
}

/** As many fields of `WIDE`, spread so that no cheap test rules out other names. */
function wideFields(): string[] {
  return Array.from({ length: 64 }, (_, i) => ((97 * i) % 7_000).toString(36).padStart(3, "0"));
}

/** A position at the beginning of the feed, to resume from. */
async function firstPosition(target: HostileTarget): Promise<string> {
  const { epoch } = await read<{ epoch: string }>(target, { path: `${pathOf(target)}/stats` });
  return `${epoch}:1`;
}

/** Requests without a credential. */
function asking(
  name: string,
  filling: Attack["filling"],
  atOnce: number,
  query: string | ((target: HostileTarget) => Promise<string>),
): Attack {
  return {
    name,
    filling,
    atOnce,
    aMinute: ADDRESS_RATE,
    async begin(target) {
      const path = `${pathOf(target)}${typeof query === "string" ? query : await query(target)}`;
      return async () => String(await ask(target, { path }));
    },
  };
}

/** Whole snapshots over a socket, one after the other. */
function snapshots(name: string, filling: Attack["filling"], atOnce: number): Attack {
  return {
    name,
    filling,
    atOnce,
    aMinute: ADDRESS_RATE,
    begin: async (target) => async () => {
      const socket = await HostileSocket.open(target);
      await socket.until(() => socket.snapshots > 0);
      const result = socket.code === 0 ? "a snapshot" : `closed ${socket.code}`;
      socket.end();
      return result;
    },
  };
}

/** The same over an event stream, which the client leaves after the snapshot. */
const streamed: Attack = {
  name: "a whole snapshot as a stream",
  filling: FULL,
  atOnce: 8,
  aMinute: ADDRESS_RATE,
  begin: async (target) => async () => {
    const response = await begin(target, { path: pathOf(target), headers: { Accept: "text/event-stream" } });
    if (response?.statusCode !== 200) return String(response?.statusCode ?? 0);
    return new Promise((resolve) => {
      // Only the last event of a snapshot has an id.
      response.on("data", (data: Buffer) => {
        if (!data.includes("\nid: ")) return;
        resolve("a snapshot");
        response.destroy();
      });
      response.on("close", () => resolve("closed"));
      response.on("error", () => resolve("closed"));
    });
  },
};

/** Selections over one socket, queued one behind the other. */
const subscribing = burst(
  { name: "40 queued subscribes with 1,000 prefixes that match nothing", filling: FULL, atOnce: 2 },
  (socket) => {
    const before = socket.snapshots;
    for (let i = 0; i < 40; i++)
      socket.send(JSON.stringify({ type: "subscribe", id: i, keys: prefixes(i).split(",") }));
    return () => socket.snapshots >= before + 40;
  },
);

/** The same with other fields in each: each answer has all entries. */
const cutting = burst(
  { name: "40 queued subscribes with 64 fields, each others", filling: MEMBERS, atOnce: 2 },
  (socket) => {
    const before = socket.snapshots;
    for (let i = 0; i < 40; i++) socket.send(JSON.stringify({ type: "subscribe", id: i, fields: fields(i) }));
    return () => socket.snapshots >= before + 40;
  },
);

/** Readers that take nothing, more and more of them. */
const stuck: Attack = {
  name: "readers that take nothing",
  filling: LARGE,
  atOnce: 20,
  aMinute: ADDRESS_RATE,
  begin: async (target) => async () => {
    const socket = await HostileSocket.open(target, "mode=all");
    socket.stopReading();
    await pause(5_000);
    socket.end();
    return "left";
  },
};

let makingFeeds: Promise<void> | undefined;

async function makeFeeds(target: HostileTarget, count: number): Promise<void> {
  const headers = { Authorization: `Bearer ${ADMIN_KEY}`, "Content-Type": "application/json" };
  for (let i = 0; i < count; i++) {
    const answer = await ask(target, {
      path: `/v1/feeds/other-${i}`,
      method: "POST",
      headers,
      body: '{"key":"k","set":{}}',
    });
    if (answer !== 200) throw new Error(`a feed was not made: ${answer}`);
  }
}

export const READING: readonly Attack[] = [
  asking("GET with 1,000 prefixes that match nothing", FULL, 8, `?keys=${prefixes()}`),
  subscribing,
  asking("GET with an old since, all, of nothing", LOG, 20, async (target) => {
    return `?mode=all&keys=none&since=${await firstPosition(target)}`;
  }),
  asking("GET with an old since, all, of a rare key", LOG, 20, async (target) => {
    return `?mode=all&keys=rare&since=${await firstPosition(target)}`;
  }),
  asking("history of a rare key", LOG, 20, "/history?key=rare&limit=1000"),
  asking("history of a common key", LOG, 20, "/history?key=k1&limit=1000"),
  asking("GET of a feed at its limits", FULL, 15, ""),
  asking("GET with 64 fields of a feed at its limits", FULL, 15, `?fields=${fields().join()}`),
  asking("GET with 64 fields of values with 6,500", MEMBERS, 15, `?fields=${fields().join()}`),
  {
    name: "200 GETs at once with 64 fields of a short answer",
    filling: WIDE,
    atOnce: 1,
    aMinute: ADDRESS_RATE / 200,
    begin: async (target) => async () => {
      const path = `${pathOf(target)}?fields=${wideFields().join()}`;
      const answers = await Promise.all(Array.from({ length: 200 }, () => ask(target, { path })));
      return [...new Set(answers)].join();
    },
  },
  asking("GET with an old since, all, of 64 fields", LOG, 20, async (target) => {
    return `?mode=all&fields=${fields().join()}&since=${await firstPosition(target)}`;
  }),
  asking("GET with an old since of 64 fields", LOG, 20, async (target) => {
    return `?fields=${fields().join()}&since=${await firstPosition(target)}`;
  }),
  cutting,
  asking("GET of a feed at its limits, Cyrillic", CYRILLIC, 15, ""),
  asking("GET of a feed at its limits, large values", LARGE, 15, ""),
  streamed,
  snapshots("a whole snapshot over a socket", FULL, 20),
  snapshots("a whole snapshot over a socket, large values", LARGE, 20),
  stuck,
  asking("long polls that wait", SMALL, 200, async (target) => {
    const { epoch, seq } = await read<{ epoch: string; seq: number }>(target, { path: `${pathOf(target)}/stats` });
    return `?wait=1&keys=none&since=${epoch}:${seq}`;
  }),
  {
    name: "the list of 1,000 feeds",
    filling: SMALL,
    atOnce: 16,
    aMinute: ADDRESS_RATE,
    begin: async (target) => {
      makingFeeds ??= makeFeeds(target, 1_000);
      await makingFeeds;
      return async () => String(await ask(target, { path: "/v1/feeds" }));
    },
  },
  {
    name: "metrics",
    filling: SMALL,
    atOnce: 4,
    begin: async (target) => async () =>
      String(await ask(target, { path: "/metrics", headers: { Authorization: `Bearer ${ADMIN_KEY}` } })),
  },
];
