import type { StorageCounts } from "../counting/counts.ts";

/** Asks the counting Worker. */
export async function storageCounts(port: number, feed: string): Promise<StorageCounts> {
  const response = await fetch(`http://127.0.0.1:${port}/counts/${feed}`);
  if (!response.ok) throw new Error(`counts answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as StorageCounts;
}
