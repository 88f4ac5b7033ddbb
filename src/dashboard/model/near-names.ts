/** How many changes a name may be away, and how many names are worth showing. */
const MAX_DISTANCE = 2;
const MAX_NAMES = 3;

/** Which of these names may be meant by one that is none of them, the nearest first. */
export function nearNames(name: string, names: readonly string[]): readonly string[] {
  return names
    .map((other) => ({ other, away: isBeginning(name, other) ? 1 : distance(name, other) }))
    .filter(({ away }) => away > 0 && away <= Math.min(MAX_DISTANCE, name.length - 1))
    .toSorted((a, b) => a.away - b.away)
    .slice(0, MAX_NAMES)
    .map(({ other }) => other);
}

/** Whether one of them is the beginning of the other, and says something. */
function isBeginning(a: string, b: string): boolean {
  return a !== b && Math.min(a.length, b.length) > 2 && (a.startsWith(b) || b.startsWith(a));
}

const at = (list: readonly number[], i: number): number => list[i] ?? 0;

/** How many characters have to be put in, taken out, replaced, or swapped with the next one. */
function distance(a: string, b: string): number {
  let last: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const step = Math.min(at(row, j) + 1, at(next, j - 1) + 1, at(row, j - 1) + cost);
      next.push(isSwap ? Math.min(step, at(last, j - 2) + 1) : step);
    }
    last = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
