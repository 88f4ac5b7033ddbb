import { runSuite } from "../conformance/suite.ts";
import { Wire } from "../conformance/wire.ts";
import { EXIT, Failure, messageOf, notServed, type ExitCode } from "./failure.ts";
import { configFaults } from "./init/wrangler-faults.ts";
import { print, say, stopSignal } from "./output.ts";
import { keyFor, serverUrl } from "./server.ts";
import { provideWebSocket } from "./web-socket.ts";

export interface CheckOptions {
  readonly publishKey?: string | undefined;
  readonly adminKey?: string | undefined;
  readonly feedPrefix: string;
  readonly only?: string | undefined;
}

/** A server may serve feeds of certain names alone, and then there is nothing to look at under others. */
async function expectServed(wire: Wire, prefix: string): Promise<void> {
  const path = `/v1/feeds/${wire.newFeed()}`;
  const answer = await wire.call(path, {}, null).catch((error: unknown) => {
    throw new Failure(`${wire.url} cannot be reached: ${messageOf(error)}`);
  });
  const { status } = answer.status === 401 ? await wire.call(path, {}, wire.adminKey) : answer;
  if (status === 404) throw new Failure(notServed(wire.url, prefix));
}

/** Holds a server against the contract of its wire, one line a rule, and the folder's wrangler config against what it needs. */
export async function check(address: string | undefined, options: CheckOptions): Promise<ExitCode> {
  const url = serverUrl(address);
  await provideWebSocket();
  const faults = configFaults(process.cwd());
  for (const fault of faults) await print(`FAILED    ${fault}`);
  const wire = new Wire({
    url,
    publishKey: options.publishKey ?? keyFor(url, "PUBLISH_KEY"),
    adminKey: options.adminKey ?? keyFor(url, "ADMIN_KEY"),
    prefix: options.feedPrefix,
  });
  await expectServed(wire, options.feedPrefix);
  const began = performance.now();
  const stop = stopSignal();
  const stopped = new Promise<undefined>((resolve) => stop.addEventListener("abort", () => resolve(undefined)));
  const summary = await Promise.race([runSuite(wire, (line) => void print(line), options.only), stopped]);
  const left = await wire.cleanUp();
  if (!summary) {
    say(left > 0 ? `Interrupted; ${left} feeds are left.` : "Interrupted; its feeds are removed.");
    return EXIT.interrupted;
  }
  const { ok, FAILED, unchecked } = summary;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  await print(`\n${ok} ok, ${FAILED + faults.length} failed, ${unchecked} not checked; ${seconds} s`);
  if (left > 0) say(`${left} feeds are left as they are: removing them needs --admin-key`);
  return FAILED > 0 || faults.length > 0 || ok === 0 ? EXIT.failure : EXIT.ok;
}
