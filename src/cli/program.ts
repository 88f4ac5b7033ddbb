import { Command, CommanderError, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { isFeedName } from "../protocol/names.ts";
import { EXIT, Failure, messageOf, UsageError, type ExitCode } from "./failure.ts";
import { packageName, version } from "./init/own-package.ts";
import { plainText } from "./output.ts";

/** Runs a command line, and returns the exit code. All that goes wrong is one sentence on the standard error. */
export async function run(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = createProgram((ended) => (code = ended));
  try {
    if (args.length === 0) program.help({ error: true });
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    // Help, the version and what is wrong with the command line are said already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    process.stderr.write(`tickertape: ${messageOf(error)}\n`);
    if (error instanceof UsageError) return EXIT.usage;
    if (!(error instanceof Failure) && process.env["TICKERTAPE_DEBUG"]) process.stderr.write(`${stackOf(error)}\n`);
    return EXIT.failure;
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? "") : "";
}

/** Each command's code is loaded when it is used. */
function createProgram(end: (code: ExitCode) => void): Command {
  const program = new Command("tickertape")
    .description("Live feeds on Cloudflare Workers: set them up, watch them, publish to them.")
    .version(version)
    .helpOption("-h, --help", "show this")
    .helpCommand("help [command]", "show the help of a command")
    .configureHelp({ showGlobalOptions: false })
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`tickertape: ${plainText(text.replace(/^error: /, "").trimEnd())}\n`),
    })
    .addHelpText(
      "after",
      `
Environment:
  TICKERTAPE_URL    the server; http://127.0.0.1:8787 if not set
  TICKERTAPE_TOKEN  the credential to read or publish with
For a server on this machine, keys are taken from the .dev.vars in this folder.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted before it was done.

Examples:
  $ npx ${packageName} init
  $ npx tickertape watch stocks --keys AAPL,M*
  $ npx tickertape publish stocks < updates.ndjson`,
    );
  addInit(program, end);
  addWatch(program, end);
  addPublish(program, end);
  addToken(program, end);
  addCheck(program, end);
  addBench(program, end);
  addAssets(program, end);
  return program;
}

type End = (code: ExitCode) => void;

const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;

const urlOption = (): Option<"--url <url>"> => new Option("--url <url>", "the server; also TICKERTAPE_URL");
const tokenOption = (): Option<"--token <token>"> =>
  new Option("--token <token>", "the credential; better TICKERTAPE_TOKEN, which other users cannot see");

function addInit(program: Command, end: End): void {
  program
    .command("init")
    .description("add Tickertape to a Worker's project, or make a new one in an empty folder")
    .argument("[folder]", "the project's folder", ".")
    .option("--dry-run", "say what would be done")
    .option("--no-install", "do not install packages")
    .addHelpText(
      "after",
      `${examples("npx @tickertape/feed init", "npx @tickertape/feed init my-feeds --dry-run")}

What is there already stays as it is: it can be run again, after an upgrade too. It adds to wrangler.toml or wrangler.json(c),
each [env.*] included, keeps the comments in it, and makes .dev.vars with random keys.`,
    )
    .action(async (folder, { dryRun, install }) => {
      const { init } = await import("./init/init.ts");
      end(await init(folder, { dryRun, install }));
    });
}

function addWatch(program: Command, end: End): void {
  program
    .command("watch")
    .description("show a feed as it changes: a table in a terminal, one update a line in a pipe")
    .argument("<feed>", "the feed's name", feedName)
    .addOption(urlOption())
    .addOption(tokenOption())
    .option("--keys <keys>", "only these keys and prefixes, comma-separated: AAPL,M*", list)
    .option("--fields <fields>", "only these members of the values, comma-separated: last,bid", list)
    .option("--hz <number>", "at most so many messages a second, 0.1 to 60", between(0.1, 60))
    .option("--since <position>", "lines for what has changed since a position, and what changes then")
    .option("--once", "lines for the entries there are now (or, with --since, what has changed), then end")
    .option("--json", "lines in a terminal too")
    .addHelpText(
      "after",
      `${examples("tickertape watch stocks --keys AAPL,M* --fields last,bid", "tickertape watch stocks --once > stocks.ndjson", "tickertape watch stocks --since k3v9x2:1045 | tickertape publish copy --url http://127.0.0.1:8788")}

Each line is an update that publish reads. First come all entries. The position at the end is printed on the standard error.`,
    )
    .action(async (feed, { url, token, keys, fields, hz, since, once, json }) => {
      const { watch } = await import("./watch.ts");
      end(await watch(feed, { url, token, keys, fields, hz, since, once, json }));
    });
}

function addPublish(program: Command, end: End): void {
  program
    .command("publish")
    .description("publish updates, one or an array of them a line")
    .argument("<feed>", "the feed's name", feedName)
    .argument("[file]", "what to read; the standard input if not given")
    .addOption(urlOption())
    .addOption(tokenOption())
    .option("--give-up-after <time>", "give up what the server does not take for so long: 30s, 5m; never if not given")
    .option("-q, --quiet", "print no receipts")
    .addHelpText(
      "after",
      `${examples("tickertape publish stocks < updates.ndjson", `echo '{"key":"AAPL","set":{"last":191.2}}' | tickertape publish stocks`)}

Lines are gathered into batches, which are repeated after a cut until they are answered, and applied once. A line that is not
taken is told of, the others are published, and the exit code is 1. Each receipt is one line of output.`,
    )
    .action(async (feed, file, { url, token, giveUpAfter, quiet }) => {
      const { publish } = await import("./publish.ts");
      end(await publish(feed, file, { url, token, giveUpAfter, quiet }));
    });
}

function addToken(program: Command, end: End): void {
  program
    .command("token")
    .description("make a token, signed with JWT_SECRET of the environment or of .dev.vars")
    .requiredOption("--scope <scopes...>", "subscribe:FEED, publish:FEED (FEED may end in *), metrics, admin")
    .option("--for <time>", "how long it is valid: 90s, 15m, 1h, 7d", "1h")
    .option("--subject <name>", "whose it is: limits are counted by it, and publishers know their batches again by it")
    .option("--issuer <iss>", "JWT_ISSUER if not given")
    .option("--audience <aud>", "JWT_AUDIENCE if not given")
    .addHelpText(
      "after",
      examples(
        "tickertape token --scope subscribe:stocks --for 1h",
        "TICKERTAPE_TOKEN=$(tickertape token --scope subscribe:team-* publish:team-* --subject ann)",
      ),
    )
    .action(async ({ scope, for: time, subject, issuer, audience }) => {
      const { token } = await import("./token.ts");
      end(await token({ scope, for: time, subject, issuer, audience }));
    });
}

function addCheck(program: Command, end: End): void {
  program
    .command("check")
    .description(
      "hold a server against the contract of its wire, and this folder's wrangler config against what it needs",
    )
    .argument("[url]", "the server; TICKERTAPE_URL if not given")
    .option("--publish-key <key>", "also PUBLISH_KEY; for a server on this machine that of .dev.vars")
    .option("--admin-key <key>", "also ADMIN_KEY; likewise")
    .option("--feed-prefix <prefix>", "what the names of its feeds begin with", prefix, "conf-")
    .option("--only <text>", "only the rules with that text in them")
    .addHelpText(
      "after",
      `${examples("tickertape check http://127.0.0.1:8787", "PUBLISH_KEY=... ADMIN_KEY=... tickertape check https://feeds.example.com")}

One line a rule. It publishes to feeds of its own and removes them, where it has an admin key. Without a key it says what it
could not check.`,
    )
    .action(async (url, { publishKey, adminKey, feedPrefix, only }) => {
      const { check } = await import("./check.ts");
      end(await check(url, { publishKey, adminKey, feedPrefix, only }));
    });
}

function addBench(program: Command, end: End): void {
  program
    .command("bench")
    .description("publish to a feed of its own at a steady rate, watch it, and say how long that takes")
    .argument("[url]", "the server; TICKERTAPE_URL if not given")
    .addOption(tokenOption())
    .option("--admin-key <key>", "removes the feed at the end; also ADMIN_KEY")
    .option("--subscribers <number>", "1 to 200", between(1, 200, true), 10)
    .option("--rate <number>", "updates a second, 1 to 1000", between(1, 1_000), 50)
    .option("--seconds <number>", "1 to 60", between(1, 60), 5)
    .option("--feed-prefix <prefix>", "what the name of its feed begins with", prefix, "bench-")
    .option("--json", "print the figures as JSON")
    .option("--yes", "also against a server that is not on this machine")
    .addHelpText(
      "after",
      examples(
        "tickertape bench http://127.0.0.1:8787",
        "tickertape bench https://feeds.example.com --yes --subscribers 50 --rate 20",
      ),
    )
    .action(async (url, { token, adminKey, feedPrefix, subscribers, rate, seconds, json, yes }) => {
      const { bench } = await import("./bench.ts");
      end(await bench(url, { token, adminKey, feedPrefix, subscribers, rate, seconds, json, yes }));
    });
}

function addAssets(program: Command, end: End): void {
  program
    .command("assets")
    .description("copy the dashboard, its documentation and the modules for pages into a folder of your assets")
    .argument("<folder>", "in the folder of [assets]; files of the same name are replaced")
    .addHelpText(
      "after",
      `${examples("tickertape assets public", "tickertape assets public/live")}

A page at /live/ uses the API at /live/v1: copy it to where the Worker mounts Tickertape. Run it again after an upgrade.`,
    )
    .action(async (folder) => {
      const { assets } = await import("./assets.ts");
      end(await assets(folder));
    });
}

function feedName(text: string): string {
  if (isFeedName(text)) return text;
  throw new InvalidArgumentError("Names have 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit.");
}

/** The beginning of names that have 36 characters more. */
function prefix(text: string): string {
  if (isFeedName(`${text}${"0".repeat(36)}`)) return text;
  throw new InvalidArgumentError("It is no beginning of a feed's name.");
}

/** Names separated by commas. */
function list(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new InvalidArgumentError("A name is empty.");
  return names;
}

function between(least: number, most: number, isWhole = false): (text: string) => number {
  return (text) => {
    const number = text.trim() === "" ? Number.NaN : Number(text);
    if (number >= least && number <= most && (!isWhole || Number.isInteger(number))) return number;
    throw new InvalidArgumentError(`It is a ${isWhole ? "whole " : ""}number from ${least} to ${most}.`);
  };
}
