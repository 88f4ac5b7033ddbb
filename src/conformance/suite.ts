import { ACCESS } from "./checks/access.ts";
import { FIELDS } from "./checks/fields.ts";
import { PACKED_PUBLISH } from "./checks/packed.ts";
import { PUBLISH } from "./checks/publish.ts";
import { READING } from "./checks/reading.ts";
import { REFUSALS } from "./checks/refusals.ts";
import { SOCKET_MESSAGES } from "./checks/socket-messages.ts";
import { SOCKETS } from "./checks/sockets.ts";
import { STREAMS } from "./checks/streams.ts";
import { Unchecked, type Check } from "./check.ts";
import { Gate } from "./gate.ts";
import type { Wire } from "./wire.ts";

const CHECKS: readonly Check[] = [
  ...PUBLISH,
  ...PACKED_PUBLISH,
  ...REFUSALS,
  ...READING,
  ...FIELDS,
  ...SOCKETS,
  ...SOCKET_MESSAGES,
  ...STREAMS,
  ...ACCESS,
];
/** Checks that run at a time. */
const AT_A_TIME = 10;
/** Milliseconds that one may take. */
const PATIENCE = 20_000;

type Verdict = "ok" | "FAILED" | "unchecked";

/** What came of it: how many checks ended how. */
export type Summary = Readonly<Record<Verdict, number>>;

/** Runs the checks with `only` in their rule that the keys allow, and prints a line for each, in their order. */
export async function runSuite(wire: Wire, print: (line: string) => void, only = ""): Promise<Summary> {
  const checks = CHECKS.filter(({ rule }) => rule.includes(only));
  const reading = await wire.call(`/v1/feeds/${wire.newFeed()}`, {}, null);
  const isClosed = reading.status === 401;
  if (isClosed) wire.readerKey = wire.adminKey;
  const gate = new Gate(AT_A_TIME);
  const runs = checks.map(async (check) => {
    const lacking = lacks(check, wire, isClosed);
    if (lacking !== undefined) return { verdict: "unchecked", detail: lacking } as const;
    return gate.through(() => outcome(check, wire));
  });
  const summary = { ok: 0, FAILED: 0, unchecked: 0 };
  for (const [i, run] of runs.entries()) {
    const { verdict, detail } = await run;
    summary[verdict]++;
    print(`${verdict.padEnd(10)}${checks[i]?.rule}${detail === undefined ? "" : `\n          ${detail}`}`);
  }
  return summary;
}

/** Which key a check would need; nothing where it can run. */
function lacks({ needs }: Check, { publisher, adminKey }: Wire, isClosed: boolean): string | undefined {
  if ((needs === "admin" || isClosed) && adminKey === undefined) return "needs --admin-key";
  if (needs === "publish" && publisher === undefined) return "needs --publish-key";
  return undefined;
}

/** How a check ends, and why so where it does not pass. */
async function outcome(check: Check, wire: Wire): Promise<{ verdict: Verdict; detail: string | undefined }> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took more than ${PATIENCE / 1000} seconds`)), PATIENCE);
  });
  try {
    await Promise.race([check.run(wire), tooLate]);
    return { verdict: "ok", detail: undefined };
  } catch (error) {
    const verdict = error instanceof Unchecked ? "unchecked" : "FAILED";
    return { verdict, detail: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}
