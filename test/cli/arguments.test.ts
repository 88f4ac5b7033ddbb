import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { run } from "../../src/cli/program.ts";
import { version } from "../../src/cli/init/own-package.ts";

let out: string;
let error: string;

beforeEach(() => {
  out = error = "";
  vi.stubEnv("TICKERTAPE_URL", "");
  vi.spyOn(process.stdout, "write").mockImplementation((text) => ((out += String(text)), true));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => ((error += String(text)), true));
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test("without a command it shows the commands, and that is wrong usage", async () => {
  expect(await run([])).toBe(2);
  expect(error).toContain("Commands:");
  expect(out).toBe("");
});

test.each(["init", "watch", "publish", "token", "check", "bench", "assets"])(
  "%s --help has an example",
  async (name) => {
    expect(await run([name, "--help"])).toBe(0);
    expect(out).toMatch(new RegExp(`Examples:\n {2}\\$ .*${name}`));
    expect(error).toBe("");
  },
);

test("--version is that of the package", async () => {
  expect(await run(["--version"])).toBe(0);
  expect(out).toBe(`${version}\n`);
});

test.each([
  [["wach"], /unknown command 'wach'.*watch/],
  [["watch"], /missing required argument 'feed'/],
  [["watch", "Stocks"], /begin with a letter or digit/],
  [["watch", "stocks", "--hz", "100"], /a number from 0\.1 to 60/],
  [["watch", "stocks", "--keys", "A,,B"], /A name is empty/],
  [["watch", "stocks", "--url", "feeds.example.com"], /is not an http address/],
  [["publish", "stocks", "--give-up-after", "soon"], /soon is no time/],
  [["token"], /'--scope <scopes\.\.\.>' not specified/],
  [["token", "--scope", "read:stocks"], /read:stocks is no scope/],
  [["token", "--scope", "subscribe:a", "--for", "2y"], /2y is no time/],
  [["token", "--scope", "subscribe:a", "--for", "400d"], /no token for more than 366d/],
  [["bench", "--subscribers", "1.5"], /a whole number from 1 to 200/],
  [["bench", "https://feeds.example.com"], /is not this machine.*--yes/],
])("%j is wrong usage: one sentence, and exit code 2", async (args, sentence) => {
  expect(await run(args)).toBe(2);
  expect(error).toMatch(sentence);
  expect(error).toMatch(/^tickertape: [^\n]+\n$/);
  expect(out).toBe("");
});
