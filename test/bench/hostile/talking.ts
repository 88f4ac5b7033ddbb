import { createHmac } from "node:crypto";
import { pause } from "../load/clock.ts";
import { ADDRESS_RATE, burst, type Attack } from "./attack.ts";
import { FULL, SMALL } from "./feeds.ts";
import { publishBy } from "./publishing.ts";
import { fields, prefixes } from "./reading.ts";
import { HostileSocket } from "./socket.ts";
import { cameFrom, HOSTILE_ADDRESS, JWT_SECRET, type HostileTarget } from "./target.ts";

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

/** A token, valid for an hour by default. */
export function tokenFor(scope: string, seconds = 3_600): string {
  const now = Math.floor(Date.now() / 1000);
  const signed = `${encode({ alg: "HS256" })}.${encode({ sub: "mallory", scope, iat: now, exp: now + seconds })}`;
  return `${signed}.${createHmac("sha256", JWT_SECRET).update(signed).digest("base64url")}`;
}

/** Messages in one burst: the most that a socket may send. */
const BURST = 1_000;

/** An anonymous socket that sends bursts of messages. Of each burst, `answered` messages get an answer. */
function talking(name: string, answered: number, make: (i: number) => string): Attack {
  let i = 0;
  // Each may need another socket.
  return burst({ name, filling: SMALL, atOnce: 8, aMinute: ADDRESS_RATE }, (socket) => {
    for (let n = 0; n < BURST; n++) socket.send(make(i++));
    return answered;
  });
}

interface CrowdOptions {
  readonly filling: Attack["filling"];
  /** What the attacker does once all are there, for a second. */
  readonly busy: (target: HostileTarget) => Promise<unknown>;
  /** The client IP of each. */
  readonly from: (i: number) => string;
}

/** Sockets that come and stay, each a group of its own, while a publisher goes on. */
function crowd(
  name: string,
  count: number,
  query: (i: number) => string,
  { filling, busy, from }: CrowdOptions = { filling: FULL, busy: () => pause(1_000), from: () => HOSTILE_ADDRESS },
): Attack {
  return {
    name,
    filling,
    atOnce: 1,
    async begin(target) {
      const sockets: HostileSocket[] = [];
      const open = (i: number): Promise<HostileSocket> => HostileSocket.open(target, query(i), cameFrom(from(i)));
      return async () => {
        while (sockets.length < count) sockets.push(await open(sockets.length));
        await busy(target);
        return `${sockets.filter(({ isOpen }) => isOpen).length} are open`;
      };
    },
  };
}

let patches = 0;

/** Seven patches a second of 4,500 members each. */
async function patchWide(target: HostileTarget): Promise<void> {
  for (let i = 0; i < 7; i++) {
    const n = patches++;
    const patch = Object.fromEntries(Array.from({ length: 4_500 }, (_, m) => [`m${m}`, n]));
    void publishBy(target, JSON.stringify({ key: "wide", patch }));
    await pause(1_000 / 7);
  }
}

/** Ten of its fields, others for each. */
function tenFields(i: number): string {
  return `keys=wide&fields=${Array.from({ length: 10 }, (_, f) => `m${(7 * i + 450 * f) % 4_500}`).join()}`;
}

const ACK = '{"type":"ack","seq":1}';
const bad = `{"type":"${"x".repeat(1_000)}"}`;

export const TALKING: readonly Attack[] = [
  talking("auth over a socket", BURST, (i) => JSON.stringify({ type: "auth", id: i, token: tokenFor("subscribe:*") })),
  talking("bad messages, one good after nineteen", BURST * 0.95, (i) => (i % 20 === 19 ? ACK : bad)),
  // Each unanswered message is followed by one that gets an answer.
  talking("acks", 1, (i) => (i % BURST === BURST - 1 ? "{}" : ACK)),
  burst({ name: "bad messages of 1 MiB", filling: SMALL, atOnce: 8 }, (socket) => {
    const message = `[${"0,".repeat(500_000)}0]`;
    for (let i = 0; i < 20; i++) socket.send(message);
    return 20;
  }),
  {
    name: "sockets that come and go",
    filling: SMALL,
    atOnce: 8,
    aMinute: ADDRESS_RATE,
    begin: async (target) => async () => {
      const socket = await HostileSocket.open(target, "keys=none");
      const result = socket.code === 0 ? "opened" : `closed ${socket.code}`;
      socket.end();
      return result;
    },
  },
  crowd("200 sockets with hz of their own", 200, (i) => `hz=${1 + i / 1e6}`),
  crowd(
    "40 sockets, all, with 1,000 prefixes of their own",
    40,
    (i) => `mode=all&keys=probe,${prefixes(i).slice(0, -9)}`,
  ),
  crowd("150 sockets with 64 fields of their own", 150, (i) => `keys=probe&fields=${fields(i).join()}`),
  crowd("2,000 sockets of 4 addresses, 10 fields of their own, of patches of 4,500", 2_000, tenFields, {
    filling: SMALL,
    busy: patchWide,
    from: (i) => `203.0.113.${i % 4}`,
  }),
  crowd("1,000 sockets that watch one key", 990, () => "keys=probe"),
];
