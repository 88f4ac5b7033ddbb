import { readFile } from "node:fs/promises";
import type { RunningTarget } from "../targets/target.ts";
import { Inspector } from "./inspector.ts";

/** Bytes of memory that a process holds (its resident set). */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** The same of all processes of a server. */
export async function residentOf(server: RunningTarget): Promise<number> {
  return (await Promise.all((await server.pids()).map(residentBytes))).reduce((sum, bytes) => sum + bytes, 0);
}

/** Looks at a process's memory again and again, until `stop`. */
export class MemoryWatch {
  /** Resident bytes, look by look. */
  readonly looks: number[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  /** `every`: milliseconds. */
  constructor(pid: number, every: number) {
    // It fails once the process has ended, which others report.
    const look = (): void =>
      void residentBytes(pid).then(
        (bytes) => this.looks.push(bytes),
        () => {},
      );
    this.#timer = setInterval(look, every);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** One collection is not enough: objects that it frees may have held others. */
const COLLECTIONS = 3;

interface HeapUsage {
  readonly usedSize: number;
  readonly embedderHeapUsedSize: number;
  readonly backingStorageSize: number;
}

/**
 * Bytes of live JavaScript objects and buffers in a workerd's main service, after garbage collection. Throws if no
 * inspector listens on the port.
 */
export async function heapBytes(inspectorPort: number, httpPort: number): Promise<number> {
  const inspector = await Inspector.open(inspectorPort, httpPort);
  try {
    await inspector.call("HeapProfiler.enable");
    for (let n = 0; n < COLLECTIONS; n++) await inspector.call("HeapProfiler.collectGarbage");
    const usage = await inspector.call<HeapUsage>("Runtime.getHeapUsage");
    return usage.usedSize + usage.embedderHeapUsedSize + usage.backingStorageSize;
  } finally {
    inspector.close();
  }
}
