/** Counts one more or one less of a name; those of which there are none are not kept. */
export function count(counts: Map<string, number>, name: string, by: 1 | -1): void {
  const sum = (counts.get(name) ?? 0) + by;
  if (sum > 0) counts.set(name, sum);
  else counts.delete(name);
}
