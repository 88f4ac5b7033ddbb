// @ts-check

/**
 * Where the key is among sorted keys, or would be.
 * @param {readonly string[]} keys
 * @param {string} key
 * @returns {number}
 */
export function indexIn(keys, key) {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {string} */ (keys[middle]) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
