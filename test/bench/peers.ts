import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";

const folder = join(import.meta.dirname, "peers");
const require = createRequire(join(folder, "package.json"));
const INSTALL = "install --no-package-lock --legacy-peer-deps --ignore-scripts --no-audit --no-fund".split(" ");

/**
 * The entry file of a peer's package. Peers are no dependencies of this project: they are installed into `peers/` when
 * they are first needed.
 */
export async function installedPeer(name: string): Promise<string> {
  try {
    return require.resolve(name);
  } catch {
    process.stderr.write(`installing what we are compared with into ${folder}\n`);
    await promisify(execFile)("npm", INSTALL, { cwd: folder });
    return require.resolve(name);
  }
}
