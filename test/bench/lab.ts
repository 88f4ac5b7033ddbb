import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endProcess } from "../e2e/support/end-process.ts";
import { buildWorker, compileWorker, Workerd, type WorkerdOptions } from "../e2e/support/workerd.ts";
import { installedPeer } from "./peers.ts";

export const PUBLISH_KEY = "bench-key";

/** Ports, the heap limit, and flags or settings that differ from the deployment's. */
export type ServeOptions = Pick<
  WorkerdOptions,
  "inspectorPort" | "mostHeap" | "flags" | "bindings" | "port" | "others"
>;

/** Workers, processes and folders for the scenarios. `close` removes all of them. */
export class Lab {
  /** How long a timed case publishes, in seconds. */
  readonly seconds: number;
  /** How long a reader is stuck, in seconds. */
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

  /** The folder of the Worker as it is deployed. */
  worker(): Promise<string> {
    this.#worker ??= buildWorker().then((folder) => this.#keep(folder));
    return this.#worker;
  }

  /** The folder of the same Worker inside `counting/index.ts`, which counts what its storage does. */
  countingWorker(): Promise<string> {
    return this.build("counting/wrangler.toml");
  }

  /** The folder of another Worker, given its config. */
  build(config: string): Promise<string> {
    const built = this.#builds.get(config) ?? this.#build(join(import.meta.dirname, config));
    this.#builds.set(config, built);
    return built;
  }

  /** The entry file of a peer's package, installed if it is missing. */
  async peer(name: string): Promise<string> {
    // One after the other: the first call installs all that are missing.
    const installed = (this.#peers ?? Promise.resolve()).then(() => installedPeer(name));
    this.#peers = installed.then(() => {});
    return installed;
  }

  /** A new folder. */
  async folder(what: string): Promise<string> {
    return this.#keep(await mkdtemp(join(tmpdir(), `tickertape-bench-${what}-`)));
  }

  /** Serves a build on a bare workerd, with new storage unless a folder is given. */
  async serve(build: string, storage?: string, options: ServeOptions = {}): Promise<Workerd> {
    const folder = storage ?? (await this.folder("storage"));
    const workerd = await Workerd.start({ build, storage: folder, bindings: { PUBLISH_KEY }, ...options });
    this.track(workerd.process);
    return workerd;
  }

  /**
   * Ends the process when the bench ends, however it ends. A process with children needs a signal that it can handle.
   */
  track(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): void {
    this.#processes.set(child, signal);
    child.once("exit", () => this.#processes.delete(child));
  }

  /** Ends one process and waits until it is gone. */
  end(child: ChildProcess): Promise<void> {
    return endProcess(child, this.#processes.get(child));
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
    await compileWorker(outdir, { config });
    return outdir;
  }

  #keep(folder: string): string {
    this.#folders.add(folder);
    return folder;
  }
}
