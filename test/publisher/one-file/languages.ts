import { join } from "node:path";

interface Language {
  readonly name: string;
  /** Runs a driver: see driver.ts. */
  readonly command: readonly [string, ...string[]];
}

/** The languages that have a publisher in one file. */
export const LANGUAGES: readonly Language[] = [
  { name: "Python", command: ["python3", join(import.meta.dirname, "driver.py")] },
];
