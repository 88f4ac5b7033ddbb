import { readdir, readFile } from "node:fs/promises";
import { clock } from "./clock.ts";

/** Linux counts in ticks of 1/100 s, whatever timer the kernel uses. */
const TICKS_A_SECOND = 100;

/** Seconds of CPU that a process, with all its threads, has used so far; in steps of 10 ms. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The second field is the program's name in parentheses and may contain anything, so count the fields after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/** The same to the microsecond, for a process whose threads do not end: those that have are not counted. */
export async function exactCpuSeconds(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const spent = threads.map(async (thread) => {
    const stat = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
    return Number(stat.split(" ")[0]) / 1e9;
  });
  return (await Promise.all(spent)).reduce((sum, seconds) => sum + seconds, 0);
}

/** CPU that a server and its load generator use from `begin` on. */
export class CpuMeter {
  readonly #server: () => Promise<readonly number[]>;
  readonly #generator: readonly number[];
  #start = { at: 0, server: 0, generator: 0 };

  /** The generator is this process, which publishes, and the given other processes. */
  constructor(server: () => Promise<readonly number[]>, generator: readonly number[] = []) {
    this.#server = server;
    this.#generator = [process.pid, ...generator];
  }

  async begin(): Promise<void> {
    this.#start = await this.#read();
  }

  /** The server's CPU in seconds, and both in percent of one core. */
  async end(): Promise<{ serverSeconds: number; server: number; generator: number }> {
    const { at, server, generator } = await this.#read();
    const percent = 100_000 / (at - this.#start.at);
    const serverSeconds = server - this.#start.server;
    return {
      serverSeconds,
      server: serverSeconds * percent,
      generator: (generator - this.#start.generator) * percent,
    };
  }

  async #read(): Promise<{ at: number; server: number; generator: number }> {
    const server = await sum(await this.#server());
    return { at: clock(), server, generator: await sum(this.#generator) };
  }
}

async function sum(pids: readonly number[]): Promise<number> {
  return (await Promise.all(pids.map(cpuSeconds))).reduce((total, seconds) => total + seconds, 0);
}
