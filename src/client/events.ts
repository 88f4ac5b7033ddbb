/** Adds one, and returns what takes it away. The same function added twice is called twice. */
type Add<Args extends unknown[]> = (call: (...args: Args) => void) => () => void;
type Tell<Args extends unknown[]> = (...args: Args) => void;

/** Those who want to know. One that throws is reported, and stops nobody else. */
export function listeners<Args extends unknown[]>(
  report: (error: unknown) => void,
): readonly [add: Add<Args>, tell: Tell<Args>] {
  const all = new Set<{ call: Tell<Args> }>();
  return [
    (call) => {
      const entry = { call };
      all.add(entry);
      return () => void all.delete(entry);
    },
    (...args) => {
      // Those there are now: one that takes itself away and comes again is not called twice.
      for (const entry of new Set(all)) {
        try {
          if (all.has(entry)) entry.call(...args);
        } catch (error) {
          report(error);
        }
      }
    },
  ];
}
