/** The best of some runs, in milliseconds, so that other work of the machine does not count. */
export function quickest(act: () => void, runs = 10): number {
  let best = Infinity;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    act();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}
