import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";
import { licencesOf } from "./licences.ts";

/**
 * Writes `dist/worker/`: the server as one module, which `wrangler` bundles into a Worker. Its libraries are in it, except Hono:
 * that has to be the one that the Worker's own routes are made with.
 */
export async function buildWorker(root: string, dist: string): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/worker/index.ts"],
    outfile: join(dist, "worker/index.js"),
    bundle: true,
    external: ["hono", "hono/*", "cloudflare:workers"],
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker", "browser"],
    metafile: true,
    logLevel: "warning",
  });
  writeFileSync(join(dist, "worker/LICENSES.txt"), licencesOf(root, Object.keys(metafile.inputs)));
  copyTypes(root, dist);
}

/** Of all types that the compiler writes, those that a user of `worker` can see. */
function copyTypes(root: string, dist: string): void {
  const all = join(dist, ".types");
  const tsc = [join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "src/tsconfig.package-worker.json")];
  const { status } = spawnSync(process.execPath, [...tsc, "--outDir", all], { stdio: "inherit" });
  if (status !== 0) throw new Error("the types of the worker could not be written");
  const seen = new Set<string>();
  const copy = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const target = join(dist, relative(all, file));
    if (!existsSync(target)) {
      mkdirSync(dirname(target), { recursive: true });
      copyFileSync(file, target);
    }
    const imports = readFileSync(file, "utf8").matchAll(/(?:from|import\()\s*"(\.[^"]+)\.[tj]s"/g);
    for (const [, path = ""] of imports) copy(`${join(dirname(file), path)}.d.ts`);
  };
  copy(join(all, "worker/index.d.ts"));
  rmSync(all, { recursive: true });
}
