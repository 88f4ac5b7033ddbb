// Writes the package's modules and their types to dist/. `npm run build:package` runs it.
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { buildCli } from "./package-cli.ts";
import { buildWorker } from "./package-worker.ts";

const root = join(import.meta.dirname, "../..");
const dist = join(root, "dist");
const ENTRIES = ["client/index", "client/msgpack", "publisher/index", "react/index", "elements/index"];

/** tsc also writes the code of modules of the server that are imported only for their types. Nothing loads that code. */
async function removeUnused(): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: dist,
    entryPoints: ENTRIES.map((name) => `${name}.js`),
    outdir: dist,
    bundle: true,
    packages: "external",
    format: "esm",
    metafile: true,
    write: false,
  });
  for (const name of readdirSync(dist, { recursive: true, encoding: "utf8" }))
    if (name.endsWith(".js") && !(name in metafile.inputs)) rmSync(join(dist, name));
}

/** The package depends on nothing: the one module that uses a library gets it written into its file. */
async function inlineLibrary(): Promise<void> {
  const path = join(dist, "client/over-http.js");
  await build({
    entryPoints: [path],
    outfile: path,
    allowOverwrite: true,
    bundle: true,
    format: "esm",
    target: "es2022",
  });
}

rmSync(dist, { recursive: true, force: true });
const tsc = [join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "src/tsconfig.package.json")];
const { status } = spawnSync(process.execPath, tsc, { stdio: "inherit" });
if (status === 0) {
  await removeUnused();
  await inlineLibrary();
  await buildCli(root, dist);
  await buildWorker(root, dist);
}
process.exitCode = status ?? 1;
