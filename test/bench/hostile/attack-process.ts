import { serve } from "../load/child.ts";
import { pause } from "../load/clock.ts";
import type { Attack, Attempt } from "./attack.ts";
import { PUBLISHING } from "./publishing.ts";
import { READING } from "./reading.ts";
import type { AttackReply, AttackRequest } from "./attack-runner.ts";
import { TALKING } from "./talking.ts";
import { uncaught } from "./uncaught.ts";

/* Attacks from a process of its own, so that the cost of attacking does not delay the measurements. */

const ATTACKS = [...PUBLISHING, ...READING, ...TALKING];
/** Milliseconds before a refused attacker tries again. */
const DISCOURAGED = 50;

const results = new Map<string, number>();
let attempts = 0;

function attackOf(name: string): Attack {
  const found = ATTACKS.find((attack) => attack.name === name);
  if (!found) throw new Error(`there is no attack ${name}`);
  return found;
}

async function attemptOnce(attempt: Attempt): Promise<void> {
  attempts++;
  const what = await attempt();
  results.set(what, (results.get(what) ?? 0) + 1);
  if (/^(0|4\d\d|5\d\d|closed.*)$/.test(what)) await pause(DISCOURAGED);
}

/** Repeats an attack for ever, at no more than the rate that the edge lets through. */
async function loop(attempt: Attempt, aMinute: number): Promise<void> {
  let minute = Date.now();
  let before = attempts;
  for (;;) {
    if (Date.now() > minute + 60_000) {
      minute = Date.now();
      before = attempts;
    }
    if (attempts - before < aMinute) await attemptOnce(attempt);
    else await pause(100);
  }
}

let first: Attempt | undefined;
/** What has ended a loop. */
let failure: unknown;

async function answer({ type, attack: name, target }: AttackRequest): Promise<AttackReply> {
  if (failure !== undefined) throw failure;
  const attack = attackOf(name);
  const { atOnce, aMinute = Infinity } = attack;
  if (type === "prepare") first = await attack.begin(target);
  if (type === "once" && first) await attemptOnce(first);
  if (type === "loop") {
    const attackers = await Promise.all(Array.from({ length: atOnce }, () => attack.begin(target)));
    Promise.all(attackers.map((attempt) => loop(attempt, aMinute))).catch((error: unknown) => void (failure = error));
  }
  return { attempts, results: Object.fromEntries(results), uncaught: uncaught.counts };
}

serve(answer);
