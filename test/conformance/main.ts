// `npm run conformance -- --url URL`: holds any server against the wire contract. Needs Node 24 and no package.
import { runSuite } from "./suite.ts";
import { Wire } from "./wire.ts";

const USAGE = `npm run conformance -- --url https://... [--publish-key KEY] [--admin-key KEY] [--feed-prefix conf-] [--only TEXT]

Holds a server against the contract of its wire, one line a rule. It publishes to feeds of its own, whose names begin with
the prefix, and removes them at the end, where it has an admin key. Without a key it says what it could not check. With --only, it
holds it against the rules with that text in them.`;

const NAMES = ["--url", "--publish-key", "--admin-key", "--feed-prefix", "--only"] as const;

/** Reads `--name value` pairs; nothing where they are not understood. */
function readArguments(words: readonly string[]): Map<string, string> | undefined {
  const found = new Map<string, string>();
  for (let i = 0; i < words.length; i += 2) {
    const [name, value] = [words[i], words[i + 1]];
    if (value === undefined || !NAMES.some((known) => known === name)) return undefined;
    found.set(name ?? "", value);
  }
  return found;
}

async function main(words: readonly string[]): Promise<number> {
  const options = readArguments(words);
  const url = options?.get("--url");
  if (url === undefined || !URL.canParse(url)) {
    console.error(USAGE);
    return 2;
  }
  const wire = new Wire({
    url,
    publishKey: options?.get("--publish-key"),
    adminKey: options?.get("--admin-key"),
    prefix: options?.get("--feed-prefix") ?? "conf-",
  });
  const began = performance.now();
  const { ok, FAILED, unchecked } = await runSuite(wire, (line) => console.log(line), options?.get("--only"));
  const left = await wire.cleanUp();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`\n${ok} ok, ${FAILED} failed, ${unchecked} not checked; ${seconds} s`);
  if (left > 0) console.log(`${left} feeds are left as they are: removing them needs --admin-key`);
  return FAILED > 0 || ok === 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`conformance: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
