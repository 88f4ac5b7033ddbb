import { pause } from "../load/clock.ts";
import { burst, overSocket, type Attack } from "./attack.ts";
import { batch, FULL, largest, PATCHED, SMALL } from "./feeds.ts";
import { ask } from "./http.ts";
import { HostileSocket } from "./socket.ts";
import { ADMIN_KEY, HOSTILE_KEY, pathOf, type HostileTarget } from "./target.ts";

const AUTHORIZED = { Authorization: `Bearer ${HOSTILE_KEY}` };

/** Publishes over HTTP; the status. */
export async function publishBy(target: HostileTarget, body: string, headers = {}): Promise<string> {
  const all = { ...AUTHORIZED, "Content-Type": "application/json", ...headers };
  return String(await ask(target, { path: pathOf(target), method: "POST", headers: all, body }));
}

function posting(name: string, filling: Attack["filling"], atOnce: number, make: (i: number) => string): Attack {
  return {
    name,
    filling,
    atOnce,
    async begin(target) {
      let i = 0;
      return () => publishBy(target, make(i++));
    },
  };
}

let names = 0;

/** 16 values of the largest size, made of small objects whose member names all differ: slow to parse. */
function manyNames(change: "set" | "patch"): string {
  return batch(16, (i) => {
    const objects: object[] = [];
    for (let length = 0; length < 64_000;) {
      const name = (names++).toString(36);
      objects.push({ [name]: 0 });
      length += name.length + 8;
    }
    return { key: `n${i}`, [change]: { objects } };
  });
}

/** Tiny patches of the largest value. */
export function tinyPatches(n: number): string {
  return batch(1_000, (i) => ({ key: "large", patch: { [`m${(n * 1_000 + i) % 3_800}`]: 100_000 + n + i } }));
}

/** Publishes the longest keys, which all expire at `at`, in milliseconds since 1970. */
export async function publishEnding(target: HostileTarget, keys: number, at: number): Promise<string> {
  const size = 1_000;
  for (let first = 0; first < keys; first += size) {
    const ttl = (at - Date.now()) / 1000;
    if (ttl <= 0) return "too slow";
    const body = batch(Math.min(size, keys - first), (i) => ({
      key: `${"e".repeat(120)}${String(first + i).padStart(8, "0")}`,
      set: {},
      ttl: Math.ceil(ttl * 1000) / 1000,
    }));
    const result = await publishBy(target, body);
    if (result !== "200") return result;
  }
  return "200";
}

/** Messages that a loop may have unanswered. */
const UNANSWERED = 200;

/** Messages over a socket at full speed; an attempt is a hundred of them. */
function flooding(name: string, make: (i: number) => object): Attack {
  return {
    name,
    filling: SMALL,
    atOnce: 4,
    begin(target) {
      let i = 0;
      const sent = new WeakMap<HostileSocket, number>();
      return overSocket(target, "keys=none", AUTHORIZED, async (socket) => {
        const all = (sent.get(socket) ?? 0) + 100;
        sent.set(socket, all);
        for (let n = 0; n < 100; n++) socket.send(JSON.stringify(make(i++)));
        await socket.until(() => socket.answers >= all - UNANSWERED);
        return "answered";
      });
    },
  };
}

const publishMessage = (i: number): object => ({ type: "publish", id: i, updates: [{ key: "f", set: { n: i } }] });
const badPublish = (i: number): object => ({ type: "publish", id: i, updates: [{ key: "f", set: 1 }] });

const reset: Attack = {
  name: "resets of a full feed",
  filling: FULL,
  atOnce: 2,
  begin: async (target) => async () => {
    const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
    return String(await ask(target, { path: pathOf(target), method: "DELETE", headers }));
  },
};

const ending: Attack = {
  name: "a ttl that ends for 87,000 keys at once",
  filling: SMALL,
  atOnce: 1,
  begin: async (target) => async () => {
    const at = Date.now() + 4_000;
    const result = await publishEnding(target, 87_000, at);
    await pause(at - Date.now() + 500);
    return result;
  },
};

/** A prefix of every length that there may be, none of which covers another. */
function prefixesOfEachLength(): string {
  return Array.from({ length: 126 }, (_, i) => `${(i + 36).toString(36)}${"x".repeat(i)}*`).join();
}

/** Batches of the longest keys, for each of which every prefix length is looked up. */
const longKeys: Attack = {
  name: "POST of 1,000 keys of 128 characters, beside prefixes of every length",
  filling: SMALL,
  atOnce: 4,
  async begin(target) {
    await HostileSocket.open(target, `keys=${prefixesOfEachLength()}`);
    const keys = Array.from({ length: 1_000 }, (_, i) => `${"k".repeat(120)}${String(i).padStart(8, "0")}`);
    return () =>
      publishBy(
        target,
        batch(1_000, (i) => ({ key: keys[i], set: { i } })),
      );
  },
};

export const PUBLISHING: readonly Attack[] = [
  longKeys,
  posting("POST of 1 MiB, 16 large values", SMALL, 64, () => largest(16)),
  posting("POST of 1 MiB, 1,000 values", FULL, 64, () => largest(1_000)),
  posting("POST of 1 MiB, objects with a name each", SMALL, 4, () => manyNames("set")),
  posting("POST of 1 MiB, patches of objects with a name each", SMALL, 4, () => manyNames("patch")),
  posting("POST of 1,000 tiny patches of a value of 64 KiB", PATCHED, 4, tinyPatches),
  posting("POST of 1 MiB that is refused", SMALL, 64, () => largest(1_000).replace(/}]$/, ',"x":1}]')),
  posting("POST of 1 MiB of bad updates", SMALL, 64, () => `[${"0,".repeat(500_000)}0]`),
  posting("POST of 1,000 deletes", FULL, 16, () => batch(1_000, (i) => ({ key: `none${i}`, delete: true }))),
  {
    name: "POSTs with an Idempotency-Key each",
    filling: SMALL,
    atOnce: 32,
    async begin(target) {
      const run = Math.random();
      let i = 0;
      return () => publishBy(target, `{"key":"i","set":{}}`, { "Idempotency-Key": `${run}-${i++}` });
    },
  },
  ending,
  reset,
  {
    name: "24 MiB by POST, one after the other (checkpoints)",
    filling: FULL,
    atOnce: 1,
    begin: async (target) => async () => {
      const results = new Set<string>();
      for (let i = 0; i < 24; i++) results.add(await publishBy(target, largest(1_000)));
      return [...results].join();
    },
  },
  flooding("publishes over a socket", publishMessage),
  flooding("19 bad publishes and a good one, over a socket", (i) =>
    i % 20 === 19 ? publishMessage(i) : badPublish(i),
  ),
  burst(
    { name: "publishes of 1 MiB of names over a socket", filling: SMALL, atOnce: 2, headers: AUTHORIZED },
    (socket) => {
      socket.send(`{"type":"publish","id":1,"updates":${manyNames("set")}}`);
      return 1;
    },
  ),
  burst({ name: "publishes of 1 MiB over a socket", filling: SMALL, atOnce: 8, headers: AUTHORIZED }, (socket) => {
    const message = `{"type":"publish","id":1,"updates":${largest(1_000)}}`;
    for (let i = 0; i < 8; i++) socket.send(message);
    return 8;
  }),
];
