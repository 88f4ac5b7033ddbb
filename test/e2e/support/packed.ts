import { execFile } from "node:child_process";
import { mkdir, readdir, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { copyCheckout } from "./checkout.ts";
import { sharedPackage } from "./shared.ts";
import { root } from "./workerd.ts";

const run = promisify(execFile);

/** Packs the package as for its users, from a clean checkout, and returns the path of the archive in `folder`. */
export async function pack(folder: string): Promise<string> {
  const checkout = await copyCheckout();
  try {
    await run("npm", ["pack", "--pack-destination", folder], { cwd: checkout });
  } finally {
    await rm(checkout, { recursive: true, force: true });
  }
  const archive = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  return join(folder, archive ?? "");
}

/**
 * Installs the packed package in a project, as npm would, and packages that are installed here. Returns the folder of the
 * package in the project.
 */
export async function installPackage(project: string, others: readonly string[] = []): Promise<string> {
  const modules = join(project, "node_modules");
  const installed = join(modules, "@tickertape/feed");
  await mkdir(installed, { recursive: true });
  await run("tar", ["-xzf", await sharedPackage(), "-C", installed, "--strip-components=1"]);
  for (const name of others) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(root, "node_modules", name), join(modules, name));
  }
  return installed;
}
