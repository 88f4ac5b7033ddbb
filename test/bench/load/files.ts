import { readFile } from "node:fs/promises";

/** File descriptors for storage, libraries and listeners. */
const SPARE = 300;
/** workerd opens two for each socket. */
const FILES_A_SOCKET = 2;

/** How many of these sockets the system lets one workerd open. */
export async function socketsWithinLimit(wanted: number): Promise<number> {
  const limits = await readFile("/proc/self/limits", "utf8");
  // Node raises its own limit to the hard limit when it starts, and its children inherit that.
  const most = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
  return Math.min(wanted, Math.floor((most - SPARE) / FILES_A_SOCKET));
}

/** Throws with a clear message; workerd would close sockets without a word. */
export async function needSockets(count: number): Promise<void> {
  if ((await socketsWithinLimit(count)) === count) return;
  throw new Error(`${count} sockets need ${count * FILES_A_SOCKET + SPARE} open files: raise ulimit -Hn`);
}
