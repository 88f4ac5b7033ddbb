// Writes the package's modules and their types to dist/. `npm run build:package` runs it.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));
const dist = join(root, "dist");

function compile() {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  return spawnSync(process.execPath, [tsc, "-p", join(root, "src/tsconfig.package.json")], { stdio: "inherit" });
}

/** The modules that the entries load, as paths relative to dist/. */
async function loaded() {
  const modules = ["client/index", "client/msgpack", "publisher/index", "react/index"];
  const entries = modules.map((name) => join(dist, `${name}.js`)).filter(existsSync);
  const { metafile } = await build({
    absWorkingDir: dist,
    entryPoints: entries,
    outdir: dist,
    bundle: true,
    packages: "external",
    format: "esm",
    metafile: true,
    write: false,
  });
  return new Set(Object.keys(metafile.inputs));
}

/** The package depends on nothing: the one module that uses a library gets it written into its file. */
async function inlineLibrary() {
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
const { status } = compile();
if (status === 0) {
  // tsc also writes the code of modules of the server that are imported only for their types. Nothing loads that code.
  const wanted = await loaded();
  for (const name of readdirSync(dist, { recursive: true })) {
    const path = join(dist, String(name));
    if (path.endsWith(".js") && !wanted.has(relative(dist, path))) rmSync(path);
  }
  await inlineLibrary();
}
process.exitCode = status ?? 1;
