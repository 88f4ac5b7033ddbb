import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { PUBLISH_KEY } from "./support/api.ts";
import { sharedWorkerd, type SharedServer } from "./support/shared.ts";

// What curl does in its own way. The rest of the API, the conformance suite calls over HTTP.

const run = promisify(execFile);
const UPDATE = `{"key":"AAPL","set":{"price":191.2}}`;

let server: SharedServer;

beforeAll(async () => {
  server = await sharedWorkerd();
});

/** The status and the body of one request by the curl of the machine, with these arguments. */
async function curl(...args: string[]): Promise<[status: number, body: unknown]> {
  const { stdout } = await run("curl", ["-sS", "--max-time", "20", "-w", "\n%{http_code}", ...args]);
  const end = stdout.lastIndexOf("\n");
  return [Number(stdout.slice(end + 1)), JSON.parse(stdout.slice(0, end))];
}

test("--json publishes and gets a receipt; -d alone says that it is a form, and is told so", async () => {
  const url = `${server.url}/v1/feeds/curl`;
  const publisher = ["-H", `Authorization: Bearer ${PUBLISH_KEY}`];
  const receipt = { feed: "curl", epoch: expect.any(String), seq: 1, accepted: 1, stale: 0 };
  expect(await curl(...publisher, "--json", UPDATE, url)).toEqual([200, receipt]);
  expect(await curl(...publisher, "-d", UPDATE, url)).toMatchObject([415, { code: "unsupported_media_type" }]);
  expect(await curl(url)).toMatchObject([200, { feed: "curl", seq: 1, entries: { AAPL: { price: 191.2 } } }]);
});
