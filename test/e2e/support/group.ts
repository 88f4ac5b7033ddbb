import { spawn, type ChildProcess } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { until } from "./until.ts";

/** A program in a process group of its own, so that all it starts can be found and ended with it. */
export class Group {
  readonly process: ChildProcess;
  /** What it has printed. */
  output = "";
  /** When each began: ids are used again. */
  readonly #seen = new Map<number, number>();

  constructor(command: string, args: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }) {
    this.process = spawn(command, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    const note = (data: Buffer): void => void (this.output = (this.output + data.toString()).slice(-20_000));
    this.process.stdout?.on("data", note);
    this.process.stderr?.on("data", note);
  }

  /**
   * Its processes and their descendants that still run, by their ids: also those that were seen before and have lost
   * their parent since.
   */
  async members(): Promise<number[]> {
    const running = await processes();
    const isKnown = ({ pid, group, started }: Running): boolean =>
      group === this.process.pid || this.#seen.get(pid) === started;
    const found = new Map(running.filter(isKnown).map(({ pid, started }) => [pid, started]));
    for (let size = -1; size !== found.size;) {
      size = found.size;
      for (const { pid, parent, started } of running) if (found.has(parent)) found.set(pid, started);
    }
    for (const [pid, started] of found) this.#seen.set(pid, started);
    return [...found.keys()];
  }

  /** Ends every process of it at once, and waits until none is left. */
  async kill(): Promise<void> {
    for (const pid of await this.members()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Gone by itself in the meantime.
      }
    }
    await until(
      async () => (await this.members()).length === 0,
      `the processes ${(await this.members()).join()} to end`,
    );
  }

  /** Waits until it has printed `sign` and its server answers. */
  async healthy(url: string, ms: number, sign = ""): Promise<void> {
    await until(
      async () => (await this.#answers(url)) && this.output.includes(sign),
      () => `${url}/healthz:\n${this.output}`,
      { ms, every: 100 },
    );
  }

  async #answers(url: string): Promise<boolean> {
    if (this.process.exitCode !== null) throw new Error(`it ended with ${this.process.exitCode}:\n${this.output}`);
    try {
      return (await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2_000) })).ok;
    } catch {
      return false;
    }
  }
}

interface Running {
  pid: number;
  parent: number;
  group: number;
  /** In ticks since the machine began. */
  started: number;
}

/** Every process of the machine, but for those that have ended and only wait to be noticed. */
async function processes(): Promise<Running[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")));
  return stats.flatMap((stat) => {
    // The second field is a name in brackets, which may hold spaces and brackets of its own.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (stat === "" || fields[0] === "Z") return [];
    const [parent, group, started] = [1, 2, 19].map((i) => Number(fields[i])) as [number, number, number];
    return [{ pid: Number.parseInt(stat), parent, group, started }];
  });
}
