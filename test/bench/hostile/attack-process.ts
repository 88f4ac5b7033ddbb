import type { Attack, Strike } from "./attack.ts";
import { PUBLISHING } from "./publishing.ts";
import { READING } from "./reading.ts";
import type { AttackReply, AttackRequest } from "./attack-runner.ts";
import { TALKING } from "./talking.ts";
import { uncaught } from "./uncaught.ts";

/* Strikes in a process of its own, so that what it costs to attack delays nobody who measures. */

const ATTACKS = [...PUBLISHING, ...READING, ...TALKING];
/** Milliseconds before a refused attacker tries again. */
const DISCOURAGED = 50;

const came = new Map<string, number>();
let strikes = 0;

function attackOf(name: string): Attack {
  const found = ATTACKS.find((attack) => attack.name === name);
  if (!found) throw new Error(`there is no attack ${name}`);
  return found;
}

async function strikeOnce(strike: Strike): Promise<void> {
  strikes++;
  const what = await strike();
  came.set(what, (came.get(what) ?? 0) + 1);
  if (/^(0|4\d\d|5\d\d|closed.*)$/.test(what)) await new Promise((resolve) => setTimeout(resolve, DISCOURAGED));
}

/** Strikes for ever, at no more than the rate that the edge lets through. */
async function loop(strike: Strike, aMinute: number): Promise<void> {
  let minute = Date.now();
  let before = strikes;
  for (;;) {
    if (Date.now() > minute + 60_000) {
      minute = Date.now();
      before = strikes;
    }
    if (strikes - before < aMinute) await strikeOnce(strike);
    else await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

let first: Strike | undefined;

async function answer({ type, attack: name, target }: AttackRequest): Promise<AttackReply> {
  const attack = attackOf(name);
  const { atOnce, aMinute = Infinity } = attack;
  if (type === "prepare") first = await attack.begin(target);
  if (type === "once" && first) await strikeOnce(first);
  if (type === "loop") {
    const strikers = await Promise.all(Array.from({ length: atOnce }, () => attack.begin(target)));
    void Promise.all(strikers.map((strike) => loop(strike, aMinute))).catch(fail);
  }
  return { ok: true, strikes, came: Object.fromEntries(came), uncaught: uncaught.counts };
}

function fail(error: unknown): void {
  process.send?.({
    ok: false,
    reason: error instanceof Error ? (error.stack ?? "") : String(error),
  } satisfies AttackReply);
}

process.on("message", (request: AttackRequest) => {
  answer(request).then((reply) => process.send?.(reply), fail);
});
// The parent is gone.
process.on("disconnect", () => process.exit(0));
