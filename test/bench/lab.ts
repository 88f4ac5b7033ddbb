import { execFile, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildWorker, Workerd, type WorkerdOptions } from "../e2e/support/workerd.ts";
import { installedPeer } from "./peers.ts";

const execute = promisify(execFile);
const root = join(import.meta.dirname, "../..");

export const PUBLISH_KEY = "bench-key";

/** Where V8's inspector listens, how much heap there is, and other compatibility flags or settings than those of the deployment. */
export type ServeOptions = Pick<WorkerdOptions, "inspectorPort" | "mostHeap" | "flags" | "bindings">;

/** What scenarios work with: the built Workers, processes and folders. All of it is gone after `close`. */
export class Lab {
  /** How long a timed case publishes. */
  readonly seconds: number;
  /** How long a reader is stuck. */
  readonly floodSeconds: number;
  readonly #folders = new Set<string>();
  readonly #processes = new Map<ChildProcess, NodeJS.Signals>();
  readonly #builds = new Map<string, Promise<string>>();
  #worker: Promise<string> | undefined;
  #peers: Promise<void> | undefined;

  constructor(seconds: number, floodSeconds: number) {
    this.seconds = seconds;
    this.floodSeconds = floodSeconds;
  }

  /** Folder of the Worker as it is deployed. */
  worker(): Promise<string> {
    this.#worker ??= buildWorker().then((folder) => this.#keep(folder));
    return this.#worker;
  }

  /** Folder of the same Worker with `counting/index.ts` around it, which tells what its storage does. */
  countingWorker(): Promise<string> {
    return this.build("counting/wrangler.toml");
  }

  /** Folder of another Worker, given its config. */
  build(config: string): Promise<string> {
    const built = this.#builds.get(config) ?? this.#build(join(import.meta.dirname, config));
    this.#builds.set(config, built);
    return built;
  }

  /** Where a peer's package is entered, installed where it is missing. */
  async peer(name: string): Promise<string> {
    // One after the other: two that are missing are installed at once by the first.
    const installed = (this.#peers ?? Promise.resolve()).then(() => installedPeer(name));
    this.#peers = installed.then(() => {});
    return installed;
  }

  /** A new folder. */
  async folder(what: string): Promise<string> {
    return this.#keep(await mkdtemp(join(tmpdir(), `tickertape-bench-${what}-`)));
  }

  /** Serves a build on a bare workerd; on new storage where none is given. */
  async serve(build: string, storage?: string, options: ServeOptions = {}): Promise<Workerd> {
    const folder = storage ?? (await this.folder("storage"));
    const workerd = await Workerd.start({ build, storage: folder, bindings: { PUBLISH_KEY }, ...options });
    this.track(workerd.process);
    return workerd;
  }

  /** Sees to it that a process ends with the bench, however the bench ends. One with children has to be asked. */
  track(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): void {
    this.#processes.set(child, signal);
    child.once("exit", () => this.#processes.delete(child));
  }

  /** Ends one process and waits until it is gone. */
  async end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(this.#processes.get(child) ?? "SIGKILL");
    await ended;
  }

  async discard(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
    this.#folders.delete(folder);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#processes.keys()].map((child) => this.end(child)));
    await Promise.all([...this.#folders].map((folder) => this.discard(folder)));
  }

  async #build(config: string): Promise<string> {
    const outdir = await this.folder("build");
    const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
    await execute(process.execPath, [wrangler, "deploy", "--dry-run", "--config", config, "--outdir", outdir], {
      cwd: root,
      env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
    });
    return outdir;
  }

  #keep(folder: string): string {
    this.#folders.add(folder);
    return folder;
  }
}
