import { rm } from "node:fs/promises";
import { BUILT, buildWorker } from "./workerd.ts";

/** Builds the Worker before the first test: those that need it take a copy. */
export async function setup(): Promise<() => Promise<void>> {
  const folder = await buildWorker();
  process.env[BUILT] = folder;
  return async () => {
    delete process.env[BUILT];
    await rm(folder, { recursive: true, force: true });
  };
}
