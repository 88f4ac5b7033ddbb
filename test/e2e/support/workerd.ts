import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { endProcess } from "./end-process.ts";
import { sharedBuild } from "./shared.ts";
import { until } from "./until.ts";

const run = promisify(execFile);
export const root = join(import.meta.dirname, "../../..");
/** The Node that the project pins, whatever this one is: wrangler needs it. */
export const pinnedNode = join(root, "node_modules/.bin/node");

/** What wrangler.toml says of the runtime. */
const DEPLOYED = readDeployed(readFileSync(join(root, "wrangler.toml"), "utf8"));

function readDeployed(config: string): { date: string; flags: readonly string[] } {
  const date = /^compatibility_date = "(.+)"$/m.exec(config)?.[1];
  const flags = /^compatibility_flags = \[(.*)\]$/m.exec(config)?.[1];
  if (date === undefined || flags === undefined) throw new Error("wrangler.toml names no compatibility date or flags");
  return { date, flags: Array.from(flags.matchAll(/"(.+?)"/g), ([, flag = ""]) => flag) };
}

/** Builds the Worker as `wrangler deploy` would, and returns the folder of its modules, for the caller to remove. */
export async function buildWorker(): Promise<string> {
  const outdir = await mkdtemp(join(tmpdir(), "tickertape-build-"));
  const built = await sharedBuild();
  if (built === undefined) await compileWorker(outdir);
  else await cp(built, outdir, { recursive: true });
  return outdir;
}

/** Builds it into a folder, or another Worker: that of another config, or of the module `main`. */
export async function compileWorker(
  outdir: string,
  { config = "wrangler.toml", main = "src/index.ts" }: { config?: string; main?: string } = {},
): Promise<void> {
  const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
  const script = config === "wrangler.toml" ? [main] : [];
  await run(pinnedNode, [wrangler, "deploy", ...script, "--dry-run", "--config", config, "--outdir", outdir], {
    cwd: root,
    env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
  });
  await rename(join(outdir, basename(main).replace(/ts$/, "js")), join(outdir, "index.js"));
}

export interface WorkerdOptions {
  /** Folder of the built Worker; one of its own where none is given, which `dispose` removes. */
  readonly build?: string;
  /** Folder of the storage; kept when the process ends. Made where none is given. */
  readonly storage?: string;
  readonly bindings?: Readonly<Record<string, string>>;
  /** Compatibility flags; those that it is deployed with where none are given. */
  readonly flags?: readonly string[] | undefined;
  /** Any free one where none is given. */
  readonly port?: number;
  /** Where V8's inspector listens; nowhere if not given. */
  readonly inspectorPort?: number | undefined;
  /** Megabytes that the JavaScript heap may have: the process ends where it needs more. */
  readonly mostHeap?: number | undefined;
  /** Ports of other workerds, which may start later: the bindings `OTHER_0` and on call their Workers, and they may call this one. */
  readonly others?: readonly number[] | undefined;
}

/** One bare workerd process that serves the Worker, with its storage on disk. No wrangler, no assets. */
export class Workerd {
  readonly port: number;
  readonly storage: string;
  readonly process: ChildProcess;
  readonly #build: string;
  readonly #options: WorkerdOptions;
  /** What it has printed. */
  output = "";

  private constructor(running: Running, storage: string, build: string, options: WorkerdOptions) {
    const { child, port } = running;
    this.process = child;
    this.#build = build;
    this.port = port;
    this.storage = storage;
    this.#options = options;
    this.output = running.output;
    const note = (data: Buffer): void => void (this.output = (this.output + data.toString()).slice(-20_000));
    child.stdout?.on("data", note);
    child.stderr?.on("data", note);
  }

  static async start(options: WorkerdOptions): Promise<Workerd> {
    return Workerd.#start(options, options.build ?? (await buildWorker()));
  }

  static async #start(options: WorkerdOptions, build: string): Promise<Workerd> {
    const { storage } = options;
    const folder = storage ?? (await mkdtemp(join(tmpdir(), "tickertape-storage-")));
    await mkdir(folder, { recursive: true });
    // Beside the module: what a config embeds is found relative to it.
    const config = join(build, `config-${randomUUID()}.capnp`);
    await writeFile(config, capnp(folder, options));
    const { inspectorPort } = options;
    const inspect = inspectorPort === undefined ? [] : [`--inspector-addr=127.0.0.1:${inspectorPort}`];
    const running = await listen(["serve", config, "--verbose", "--control-fd=3", ...inspect]);
    const workerd = new Workerd(running, folder, build, options);
    // Its first answer takes longest.
    await fetch(`${workerd.url}/healthz`);
    return workerd;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts a successor of a process that has ended: same storage, same port, and same settings unless others are given. */
  again(bindings = this.#options.bindings ?? {}): Promise<Workerd> {
    return Workerd.#start({ ...this.#options, bindings, storage: this.storage, port: this.port }, this.#build);
  }

  /** Ends the process at once, as a power failure would. */
  kill(signal?: NodeJS.Signals): Promise<void> {
    return endProcess(this.process, signal);
  }

  /** Ends the process and removes its storage. */
  async dispose(): Promise<void> {
    await this.kill();
    if (this.#options.build === undefined) await rm(this.#build, { recursive: true, force: true });
    await rm(this.storage, { recursive: true, force: true });
  }
}

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  /** What it has printed. */
  readonly output: string;
}

/**
 * Starts workerd and waits until it listens. It says so itself, on the descriptor 3: that its port answers would not prove
 * it, as that may be another server.
 */
async function listen(args: readonly string[]): Promise<Running> {
  const child = spawn(workerdPath(), args, { stdio: ["ignore", "pipe", "pipe", "pipe"] });
  let output = "";
  const note = (data: Buffer): void => void (output += data.toString());
  const control = child.stdio[3];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", note);
  let said = "";
  control?.on("data", (data: Buffer) => void (said += data.toString()));
  const port = await until(
    () => {
      const ended = child.exitCode ?? child.signalCode;
      if (ended !== null) throw new Error(`workerd ended with ${ended}:\n${output}`);
      return /"event":"listen","socket":"http","port":(\d+)/.exec(said)?.[1];
    },
    () => `workerd to listen:\n${output}`,
  );
  for (const stream of [child.stdout, child.stderr]) stream?.off("data", note);
  return { child, port: Number(port), output };
}

/**
 * A free port that the system gives to no outgoing connection. While the server is down, the port stays its own: no
 * other program gets it by chance, no client that dials it gets connected to itself, and each process that runs tests
 * takes ports of its own.
 */
export async function lastingPort(): Promise<number> {
  const first = 20_000 + 500 * (Number(process.env["VITEST_POOL_ID"] ?? 0) % 20);
  for (;;) {
    const port = first + Math.floor(Math.random() * 500);
    try {
      return await freePort(port);
    } catch {
      // Taken; another one will do.
    }
  }
}

export async function freePort(wanted = 0): Promise<number> {
  const server = createServer().listen(wanted, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

function workerdPath(): string {
  const require = createRequire(import.meta.url);
  const workerd: { default: string } = require("workerd");
  return workerd.default;
}

function capnp(storage: string, options: WorkerdOptions): string {
  const { port = 0, bindings = {}, flags = DEPLOYED.flags, mostHeap, others } = options;
  const limit = mostHeap === undefined ? [] : [`--max-heap-size=${mostHeap}`];
  const texts = Object.entries(bindings).map(([name, text]) => `(name = "${name}", text = ${JSON.stringify(text)}),`);
  // Calls come and go by Cap'n Proto over HTTP.
  const calls = others === undefined ? "" : 'capnpConnectHost = "calls"';
  const bound = others?.map((_, i) => `(name = "OTHER_${i}", service = "other ${i}"),`) ?? [];
  const external = others?.map(
    (other, i) => `(name = "other ${i}", external = (address = "127.0.0.1:${other}", http = (${calls}))),`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "index.js", esModule = embed "index.js")],
      compatibilityDate = "${DEPLOYED.date}",
      compatibilityFlags = ${JSON.stringify(flags)},
      durableObjectNamespaces = [
        (className = "FeedObject", uniqueKey = "tickertape-FeedObject", enableSql = true),
        (className = "ReplicaObject", uniqueKey = "tickertape-ReplicaObject", enableSql = true),
        (className = "DirectoryObject", uniqueKey = "tickertape-DirectoryObject", enableSql = true),
      ],
      durableObjectStorage = (localDisk = "storage"),
      bindings = [
        (name = "FEEDS", durableObjectNamespace = "FeedObject"),
        (name = "FEED_REPLICAS", durableObjectNamespace = "ReplicaObject"),
        (name = "DIRECTORY", durableObjectNamespace = "DirectoryObject"),
        ${[...bound, ...texts].join("\n        ")}
      ],
    )),
    (name = "storage", disk = (path = "${storage}", writable = true)),
    ${external?.join("\n    ") ?? ""}
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (${calls}), service = "main")],
  v8Flags = ${JSON.stringify(limit)},
);
`;
}
