import { readFile } from "node:fs/promises";

/** Beside the sockets: storage, libraries, listeners. */
const SPARE = 300;
/** workerd holds each socket twice. */
const FILES_A_SOCKET = 2;

/** How many of so many sockets this system lets one workerd have open. */
export async function socketsWithinLimit(wanted: number): Promise<number> {
  const limits = await readFile("/proc/self/limits", "utf8");
  // Node raises its own limit to the hard one at its start, and what it starts inherits that.
  const most = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
  return Math.min(wanted, Math.floor((most - SPARE) / FILES_A_SOCKET));
}

/** Fails in words where workerd would close sockets without any. */
export async function needSockets(count: number): Promise<void> {
  if ((await socketsWithinLimit(count)) === count) return;
  throw new Error(`${count} sockets need ${count * FILES_A_SOCKET + SPARE} open files: raise ulimit -Hn`);
}
