import { parseArgs } from "node:util";
import { FULL } from "./hostile/feeds.ts";
import { Prepared } from "./hostile/prepared.ts";
import { HOSTILE, soak, type SoakReport } from "./hostile/soak.ts";
import { Lab } from "./lab.ts";
import { median } from "./statistics.ts";

/* `npm run soak`: all attacks by turns, for half an hour, beside honest publishers and readers. */

/** Milliseconds, at p99. */
const PUBLISH = 100;
const DELIVERY = 300;
/** How much more the server may hold at the end than after the first quarter, when each kind of attack has run. */
const FLAT = 1.2;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    turn: { type: "string", default: "15" },
    "at-once": { type: "string", default: "2" },
    share: { type: "string", default: "0.1" },
    attacks: { type: "string", default: "" },
  },
});
const lab = new Lab(0, 0);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void lab.close());
try {
  const server = await new Prepared(lab).serve({ ...FULL, bodies: () => FULL.bodies(Number(values.share)) });
  const report = await soak(server.pid, server.target, {
    seconds: Number(values.minutes) * 60,
    attacks: HOSTILE.filter((name) => name.includes(values.attacks)),
    atOnce: Number(values["at-once"]),
    turn: Number(values.turn),
    tell: (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`),
  });
  const faults = judge(report);
  for (const [name, results] of report.results) console.log(`${name}:`, results);
  const { publish, delivery, resident } = report;
  console.log(
    "publish",
    publish,
    "\ndelivery",
    delivery,
    "\nlost",
    report.lost,
    "\nmost MB",
    Math.max(...resident) / 1e6,
  );
  console.log(faults.length === 0 ? "held" : `did not hold:\n${faults.join("\n")}`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  await lab.close();
}

function judge({ publish, delivery, resident, faults }: SoakReport): string[] {
  const quarter = resident.length / 4;
  const early = median(resident.slice(quarter, 2 * quarter));
  const late = median(resident.slice(3 * quarter));
  return [
    ...faults,
    ...(publish.p99 < PUBLISH ? [] : [`publish p99 is ${publish.p99} ms`]),
    ...(publish.refusals.length === 0 ? [] : [`publishes were refused with ${[...new Set(publish.refusals)].join()}`]),
    ...(delivery.p99 < DELIVERY ? [] : [`delivery p99 is ${delivery.p99} ms`]),
    ...(late < FLAT * early ? [] : [`memory grew from ${early / 1e6} to ${late / 1e6} MB`]),
  ];
}
