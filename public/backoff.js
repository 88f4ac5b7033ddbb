// @ts-check

/** Milliseconds. */
export const MIN_DELAY = 250;
const MAX_DELAY = 30_000;

/**
 * Full jitter over an exponentially growing range, so that the clients of a restarted server spread out.
 * @param {number} failures Failed attempts in a row.
 * @param {number} random From 0 to 1.
 * @returns {number} Milliseconds.
 */
export function backoff(failures, random) {
  const range = Math.min(MAX_DELAY, 4 * MIN_DELAY * 2 ** failures) - MIN_DELAY;
  return MIN_DELAY + random * range;
}
