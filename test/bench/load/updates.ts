import { clock } from "./clock.ts";

/** What every update begins with, in a body as in a message: found by scanning, without parsing. */
export const UPDATE_MARK = `{"key":`;
/** Stands before the time at which an update was made, in microseconds of the shared clock. */
export const STAMP_MARK = `"at":`;

/** No update is shorter, in bytes. */
export const SHORTEST_UPDATE = 50;

/** One update of key `K<k>` whose value has about `bytes` bytes, and the time at which it was made. */
export function update(k: number, bytes: number): string {
  const stamp = Math.round(clock() * 1000);
  const fields = `"price":${100 + (stamp % 9000) / 100},"size":${stamp % 500},${STAMP_MARK}${stamp}`;
  const text = "x".repeat(Math.max(0, bytes - fields.length - 12));
  return `${UPDATE_MARK}"K${k}","set":{${fields},"text":"${text}"}}`;
}

/** `count` updates of keys one after the other, from the `first` on and round again after `keys`. */
export function batch(first: number, count: number, keys: number, bytes: number): string {
  return `[${Array.from({ length: count }, (_, i) => update((first + i) % keys, bytes)).join(",")}]`;
}
