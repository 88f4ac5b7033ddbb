// Builds what browsers load: bundles in public/assets/, pages in public/docs/. wrangler runs it before `dev` and `deploy`,
// `npm run build` runs it, and the tests run it first. Prints only what is wrong.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { build, type OutputFile, type Plugin } from "esbuild";
import { OUT, isGenerated, renderDocs, type SiteFile } from "./docs.ts";

const root = join(import.meta.dirname, "../..");
const assets = join(root, "public/assets");

/** The entry of each bundle. */
const ENTRIES = {
  dashboard: "src/dashboard/main.ts",
  // For a plain <script type="module">.
  tickertape: "src/client/index.ts",
  // Not `tickertape-...`: browsers keep those for a year, because their names change with their content.
  "tickertape.msgpack": "src/client/msgpack.ts",
  // The custom elements.
  "tickertape.elements": "src/elements/index.ts",
  // The search box of the pages under /docs/.
  docs: "src/docs/page.ts",
};

/** The elements load the client from its own file: a page that has both loads it once, and shares connections with them. */
const besideClient: Plugin = {
  name: "beside the client",
  setup: (bundle) =>
    bundle.onResolve({ filter: /\/client\/index\.ts$/ }, ({ importer }) =>
      importer.includes("/src/elements/") ? { path: "./tickertape.js", external: true } : undefined,
    ),
};

async function bundle([name, entry]: [string, string]): Promise<OutputFile[]> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { [name]: entry },
    outdir: assets,
    chunkNames: `${name}-[hash]`,
    bundle: true,
    // A module that is imported dynamically, such as the chart, becomes a file that is loaded when needed.
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    plugins: [besideClient],
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "warning",
    write: false,
  });
  return outputFiles;
}

/**
 * Writes the files whose content has changed: otherwise `wrangler dev` would reload the page. The new file replaces the old
 * one in one step, because a server may be reading it.
 */
function write(files: readonly SiteFile[]): void {
  mkdirSync(join(root, ".wrangler"), { recursive: true });
  // Not in a folder that is served, but on the same disk.
  const staging = mkdtempSync(join(root, ".wrangler/build-"));
  try {
    for (const { path, contents } of files) {
      if (existsSync(path) && readFileSync(path).equals(contents)) continue;
      const fresh = join(staging, basename(path));
      writeFileSync(fresh, contents);
      mkdirSync(dirname(path), { recursive: true });
      renameSync(fresh, path);
    }
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Removes what an earlier build has left in a folder. */
function clear(folder: string, files: readonly SiteFile[], isOurs: (name: string) => boolean): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const isKept = files.some((file) => file.path === path || file.path.startsWith(`${path}/`));
    if (isOurs(name) && !isKept) rmSync(path, { recursive: true, force: true });
  }
}

try {
  const bundles = await Promise.all(Object.entries(ENTRIES).map(bundle));
  const files = [...bundles.flat(), ...renderDocs(root)];
  write(files);
  clear(assets, files, () => true);
  clear(join(root, OUT), files, isGenerated);
} catch (error) {
  // esbuild has already printed its own errors.
  if (!(error instanceof Error && "errors" in error)) process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
}
