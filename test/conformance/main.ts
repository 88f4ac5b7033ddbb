// `npm run conformance -- --url URL`: holds any server against the wire contract. Needs Node 24.
import { parseArgs } from "node:util";
import { runSuite } from "./suite.ts";
import { Wire } from "./wire.ts";

const USAGE = `npm run conformance -- --url https://... [--publish-key KEY] [--admin-key KEY] [--feed-prefix conf-] [--only TEXT]

Holds a server against the contract of its wire, one line a rule. It publishes to feeds of its own, whose names begin with
the prefix, and removes them at the end, where it has an admin key. Without a key it says what it could not check. With --only, it
holds it against the rules with that text in them.`;

const text = { type: "string" } as const;
const OPTIONS = { url: text, "publish-key": text, "admin-key": text, "feed-prefix": text, only: text };

/** Undefined if they are not understood. */
function readArguments() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch {
    return undefined;
  }
}

async function main(): Promise<number> {
  const values = readArguments();
  if (values?.url === undefined || !URL.canParse(values.url)) {
    console.error(USAGE);
    return 2;
  }
  const { url, only } = values;
  const wire = new Wire({
    url,
    publishKey: values["publish-key"],
    adminKey: values["admin-key"],
    prefix: values["feed-prefix"] ?? "conf-",
  });
  const began = performance.now();
  const { ok, FAILED, unchecked } = await runSuite(wire, (line) => console.log(line), only);
  const left = await wire.cleanUp();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`\n${ok} ok, ${FAILED} failed, ${unchecked} not checked; ${seconds} s`);
  if (left > 0) console.log(`${left} feeds are left as they are: removing them needs --admin-key`);
  return FAILED > 0 || ok === 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`conformance: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
