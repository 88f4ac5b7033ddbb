import { clock } from "./clock.ts";

/** The beginning of every update, in a body and in a message: found by scanning, without parsing. */
export const UPDATE_MARK = `{"key":`;
/** Stands before the time at which the update was made, in microseconds of the shared clock. */
export const STAMP_MARK = `"at":`;

/** Bytes of the shortest update. */
export const SHORTEST_UPDATE = 50;

/** The same for updates whose latency is not measured. */
export const UNTIMED_MARK = `"by":`;

/** An update of the key `K<k>`, with a value of about `bytes` bytes and the time at which it was made. */
export function update(k: number, bytes: number, mark = STAMP_MARK): string {
  const stamp = Math.round(clock() * 1000);
  const fields = `"price":${100 + (stamp % 9000) / 100},"size":${stamp % 500},${mark}${stamp}`;
  const text = "x".repeat(Math.max(0, bytes - fields.length - 12));
  return `${UPDATE_MARK}"K${k}","set":{${fields},"text":"${text}"}}`;
}

/** `count` updates of consecutive keys, from `first` on, modulo `keys`. */
export function batch(first: number, count: number, keys: number, bytes: number, mark = STAMP_MARK): string {
  return `[${Array.from({ length: count }, (_, i) => update((first + i) % keys, bytes, mark)).join(",")}]`;
}
