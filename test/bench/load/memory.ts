import { readFile } from "node:fs/promises";
import { Inspector } from "./inspector.ts";

/** Bytes of memory that a process holds (its resident set). */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
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
