import { clock, pause } from "../load/clock.ts";
import { MemoryWatch } from "../load/memory.ts";
import { HonestReaders, type ReadersReply } from "./honest.ts";
import { Probe, type Waits } from "./probe.ts";
import { PUBLISHING } from "./publishing.ts";
import { READING } from "./reading.ts";
import { AttackRunner } from "./attack-runner.ts";
import { TALKING } from "./talking.ts";
import type { HostileTarget } from "./target.ts";

/** Only an administrator resets a feed, and that is no attacker. */
const NOT_HOSTILE = "resets of a full feed";
/** All attacks that one client IP and one publisher can make, the kinds by turns: publishing, reading, talking. */
export const HOSTILE: readonly string[] = mixed(
  [PUBLISHING, READING, TALKING].map((kind) => kind.map(({ name }) => name).filter((name) => name !== NOT_HOSTILE)),
);

/** Keys of the honest publisher. Their values keep their length, so that a full feed still accepts them. */
const HONEST_KEYS = 200;
const FIRST = 1_000_000;
const honestUpdate = (n: number): string =>
  `{"key":"honest.${n % HONEST_KEYS}","set":{"n":${FIRST + n},"at":${Math.round(clock() * 1_000)}}}`;

/** Milliseconds between two samples of the memory. */
const LOOK_EVERY = 250;
/** Milliseconds before the attacks begin: a third of a short run, and never more than this. */
const WARM_UP = 3_000;

export interface SoakPlan {
  readonly seconds: number;
  /** Names of the attacks, which take turns. */
  readonly attacks: readonly string[];
  /** Attacks at the same time, and the seconds that each lasts. */
  readonly atOnce: number;
  readonly turn: number;
  readonly tell?: (line: string) => void;
}

export interface SoakReport {
  /** Before the first attack. */
  readonly calm: { readonly publish: Waits; readonly delivery: ReadersReply };
  readonly publish: Waits;
  readonly delivery: ReadersReply;
  /** Resident bytes of the server, sample by sample. */
  readonly resident: readonly number[];
  /** What came of each attack. */
  readonly results: ReadonlyMap<string, Readonly<Record<string, number>>>;
  /** How often each honest reader lost its connection. */
  readonly lost: Readonly<Record<string, number>>;
  /** Views that did not converge, and errors that the server did not catch. */
  readonly faults: readonly string[];
}

/** Attacks a feed by turns while an honest publisher and honest readers use it. */
export async function soak(pid: number, target: HostileTarget, plan: SoakPlan): Promise<SoakReport> {
  const { seconds, attacks, atOnce, turn, tell } = plan;
  const probe = Probe.start(target, 50, honestUpdate);
  const readers = await HonestReaders.open(target, [
    { transport: "socket", query: "keys=honest.*" },
    { transport: "socket", query: "keys=honest.*&mode=all" },
    { transport: "stream", query: "keys=honest.*" },
  ]);
  // Their latencies say nothing about the server: they ask for less, or read very much.
  const others = await HonestReaders.open(target, [
    { transport: "socket", query: "keys=honest.*&hz=5" },
    { transport: "poll", query: "keys=honest.*" },
    { transport: "socket", query: "" },
  ]);
  const watch = new MemoryWatch(pid, LOOK_EVERY);
  const resident = watch.looks;
  const results = new Map<string, Readonly<Record<string, number>>>();
  const uncaught: string[] = [];
  const runners = new Map<string, AttackRunner>();
  const end = async (name: string): Promise<void> => {
    const runner = runners.get(name);
    runners.delete(name);
    if (!runner) return;
    const looked = await runner.look();
    results.set(name, looked.results);
    uncaught.push(...uncaughtOf(name, looked.uncaught));
    await runner.end();
  };
  try {
    const warmUp = Math.min(WARM_UP, (seconds * 1_000) / 3);
    const warm = clock() + warmUp / 3;
    await pause(warmUp);
    const calm = { publish: probe.since(warm), delivery: await readers.look() };
    const start = clock();
    for (let i = 0; clock() < start + seconds * 1_000; i++) {
      const name = attacks[i % attacks.length] ?? "";
      if (runners.size >= atOnce) await end(runners.keys().next().value ?? "");
      if (!runners.has(name)) {
        const runner = new AttackRunner(name, target);
        runners.set(name, runner);
        await runner.loop();
      }
      const from = clock();
      await pause((turn * 1_000) / atOnce);
      tell?.(describe([...runners.keys()], probe.since(from), await readers.look(), resident.at(-1) ?? 0));
    }
    const publish = probe.since(start);
    for (const name of runners.keys()) await end(name);
    await probe.waitUntilCalm(30_000);
    await probe.stop();
    const [delivery, rest] = await Promise.all([readers.finish(), others.finish()]);
    const honest = [...uncaughtOf("honest readers", delivery.uncaught), ...uncaughtOf("honest readers", rest.uncaught)];
    const faults = [...delivery.faults, ...rest.faults, ...honest, ...uncaught];
    return { calm, publish, delivery, resident, results, lost: { ...delivery.lost, ...rest.lost }, faults };
  } finally {
    watch.stop();
    await Promise.all([...runners.values()].map((runner) => runner.end()));
    await readers.close();
    await others.close();
    await probe.stop();
  }
}

function describe(attacks: readonly string[], { p99, max }: Waits, delivery: ReadersReply, resident: number): string {
  const figures = [p99, max, delivery.p99, resident / 1e6].map((figure) => Math.round(figure));
  return `publish p99 ${figures[0]}, max ${figures[1]}; delivery p99 so far ${figures[2]} ms; ${figures[3]} MB: ${attacks.join("; ")}`;
}

function uncaughtOf(who: string, uncaught: Readonly<Record<string, number>>): string[] {
  return Object.entries(uncaught).map(([what, times]) => `${who}: ${what}, ${times} times`);
}

/** Takes one of each list, then the next of each. */
function mixed(lists: readonly (readonly string[])[]): string[] {
  const longest = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}
