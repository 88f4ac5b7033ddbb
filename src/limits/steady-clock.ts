/**
 * A clock whose milliseconds never go backwards: work that is scheduled by it waits as long as it should, even if `wall`
 * is set back meanwhile. Not for times that are sent or stored: after such a change it is ahead of the wall clock.
 */
export function steadyClock(wall = (): number => Date.now()): () => number {
  let last = -Infinity;
  /** By how much the wall clock has been set back. */
  let behind = 0;
  return () => {
    const now = wall();
    behind = Math.max(behind, last - now);
    return (last = now + behind);
  };
}
