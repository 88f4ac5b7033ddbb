import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "./workerd.ts";

const run = promisify(execFile);

/**
 * Copies the project as a clone would have it: without its owner's secrets, storage and other ignored files, and with
 * the packages that are installed here. Returns the folder. `withTests`: with the folder `test/` too.
 */
export async function copyCheckout(withTests = false): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tickertape-checkout-"));
  const { stdout } = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
  for (const path of stdout.split("\0")) {
    if (path === "" || path === "node_modules" || (path.startsWith("test/") && !withTests)) continue;
    await cp(join(root, path), join(folder, path), { recursive: true }).catch((error: unknown) => {
      // Listed, but deleted and not yet committed so.
      if (!isGone(error)) throw error;
    });
  }
  // For temporary files, which a program that is killed leaves behind.
  await mkdir(join(folder, ".wrangler/tmp"), { recursive: true });
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
