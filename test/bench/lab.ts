import { execFile, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildWorker, Workerd } from "../e2e/support/workerd.ts";

const execute = promisify(execFile);
const root = join(import.meta.dirname, "../..");

export const PUBLISH_KEY = "bench-key";

/** What scenarios work with: the built Workers, processes and folders. All of it is gone after `close`. */
export class Lab {
  /** How long a timed case publishes. */
  readonly seconds: number;
  readonly #folders = new Set<string>();
  readonly #processes = new Set<ChildProcess>();
  #worker: Promise<string> | undefined;
  #countingWorker: Promise<string> | undefined;

  constructor(seconds: number) {
    this.seconds = seconds;
  }

  /** Folder of the Worker as it is deployed. */
  worker(): Promise<string> {
    this.#worker ??= buildWorker().then((folder) => this.#keep(folder));
    return this.#worker;
  }

  /** Folder of the same Worker with `counting/index.ts` around it, which tells what its storage does. */
  countingWorker(): Promise<string> {
    this.#countingWorker ??= this.folder("build").then(async (outdir) => {
      const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
      const config = join(import.meta.dirname, "counting/wrangler.toml");
      await execute(process.execPath, [wrangler, "deploy", "--dry-run", "--config", config, "--outdir", outdir], {
        cwd: root,
        env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
      });
      return outdir;
    });
    return this.#countingWorker;
  }

  /** A new folder. */
  async folder(what: string): Promise<string> {
    return this.#keep(await mkdtemp(join(tmpdir(), `tickertape-bench-${what}-`)));
  }

  /** Serves a build on a bare workerd; on new storage where none is given. */
  async serve(build: string, storage?: string): Promise<Workerd> {
    const folder = storage ?? (await this.folder("storage"));
    const workerd = await Workerd.start({ build, storage: folder, bindings: { PUBLISH_KEY } });
    this.track(workerd.process);
    return workerd;
  }

  /** Sees to it that a process ends with the bench, however the bench ends. */
  track(child: ChildProcess): void {
    this.#processes.add(child);
    child.once("exit", () => this.#processes.delete(child));
  }

  /** Ends one process and waits until it is gone. */
  async end(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  async discard(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
    this.#folders.delete(folder);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#processes].map((child) => this.end(child)));
    await Promise.all([...this.#folders].map((folder) => this.discard(folder)));
  }

  #keep(folder: string): string {
    this.#folders.add(folder);
    return folder;
  }
}
