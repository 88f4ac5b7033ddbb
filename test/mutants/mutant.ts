/** A break to plant in the source, and the tests that should catch it. */
export interface Mutant {
  /** What it breaks. */
  readonly name: string;
  readonly file: string;
  /** A text that `file` has in exactly one place. */
  readonly find: string;
  readonly replace: string;
  /** A project of vitest, and its files. */
  readonly project: "workerd" | "declared" | "replicas" | "node";
  readonly tests: readonly string[];
}

type Planted = readonly [name: string, find: string, replace: string];

export function plant(
  file: string,
  project: Mutant["project"],
  tests: readonly string[],
  planted: readonly Planted[],
): readonly Mutant[] {
  return planted.map(([name, find, replace]) => ({ name, file, find, replace, project, tests }));
}
