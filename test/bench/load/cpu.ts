import { readFile } from "node:fs/promises";

/** Linux counts in ticks of 1/100 s, whatever the kernel's own timer does. */
const TICKS_A_SECOND = 100;

/** Seconds of CPU that a process, with all its threads, has used so far; in steps of 10 ms. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The second field is the program's name in parentheses and may hold anything; fields are counted after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}
