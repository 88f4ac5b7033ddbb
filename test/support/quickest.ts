/**
 * The best of some runs, in milliseconds, so that other work of the machine does not count. Stops after a run that took
 * less than `enough`.
 */
export function quickest(act: () => void, runs = 10, enough = 0): number {
  let best = Infinity;
  for (let run = 0; run < runs && best >= enough; run++) {
    const start = performance.now();
    act();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}
