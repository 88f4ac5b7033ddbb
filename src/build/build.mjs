// Builds what browsers load: bundles in public/assets/, pages in public/docs/. wrangler runs it before `dev` and `deploy`,
// `npm run build` runs it, and the tests run it first. Works on any Node from 20 on. Prints only what is wrong.
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
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { OUT, isGenerated, renderDocs } from "./docs.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const assets = join(root, "public/assets");

/** The bundles, and the entry of each. */
const ENTRIES = [
  // `splitting`: a module that is imported dynamically, such as the chart, becomes a file that is loaded when needed.
  { name: "dashboard", entry: "src/dashboard/main.ts", splitting: true },
  // For a plain <script type="module">.
  { name: "tickertape", entry: "src/client/index.ts", splitting: true },
  // Not `tickertape-...`: browsers keep those for a year, because their names change with their content.
  { name: "tickertape.msgpack", entry: "src/client/msgpack.ts", splitting: false },
  // The search box of the pages under /docs/.
  { name: "docs", entry: "src/docs/page.ts", splitting: false },
];

/** @param {typeof ENTRIES[number]} entry */
async function bundle({ name, entry, splitting }) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { [name]: entry },
    outdir: assets,
    chunkNames: `${name}-[hash]`,
    bundle: true,
    splitting,
    format: "esm",
    target: "es2022",
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "warning",
    write: false,
  });
  return outputFiles;
}

/**
 * Writes a file if its content has changed: otherwise `wrangler dev` would reload the page. The new file replaces the old
 * one in one step, because a server may be reading it.
 * @param {{ path: string, contents: Uint8Array }} file
 * @param {string} staging
 */
function replace({ path, contents }, staging) {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  const fresh = join(staging, basename(path));
  writeFileSync(fresh, contents);
  renameSync(fresh, path);
}

/** @param {{ path: string, contents: Uint8Array }[]} files */
function write(files) {
  mkdirSync(join(root, ".wrangler"), { recursive: true });
  // Not in a folder that is served, but on the same disk.
  const staging = mkdtempSync(join(root, ".wrangler/build-"));
  try {
    for (const file of files) {
      mkdirSync(dirname(file.path), { recursive: true });
      replace(file, staging);
    }
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/**
 * Removes what an earlier build has left in a folder.
 * @param {string} folder
 * @param {{ path: string }[]} files
 * @param {(name: string) => boolean} isOurs
 */
function clear(folder, files, isOurs) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const isKept = files.some((file) => file.path === path || file.path.startsWith(`${path}/`));
    if (isOurs(name) && !isKept) rmSync(path, { recursive: true, force: true });
  }
}

try {
  const present = ENTRIES.filter(({ entry }) => existsSync(join(root, entry)));
  const files = [...(await Promise.all(present.map(bundle))).flat(), ...renderDocs(root)];
  write(files);
  clear(assets, files, () => true);
  clear(join(root, OUT), files, isGenerated);
} catch (error) {
  // esbuild has already printed its own errors.
  if (!(error instanceof Error && "errors" in error)) process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
}
