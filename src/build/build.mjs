// Builds what browsers are served: bundles into public/assets/, pages into public/docs/. Run by wrangler before `dev` and `deploy`, by `npm run build` and
// before the tests. Any Node from 20 on. Silent unless something is wrong.
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

/** The file that comes of each entry. */
const ENTRIES = [
  // Charts and the like may be loaded when they are needed: what is imported dynamically becomes a file of its own.
  { name: "dashboard", entry: "src/dashboard/main.ts", splitting: true },
  // For a plain <script type="module">.
  { name: "tickertape", entry: "src/client/index.ts", splitting: true },
  // Beside it. No `tickertape-`: the server tells browsers to keep those for ever, as their names change.
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
 * Leaves a file alone that says the same already, so that nobody reloads for nothing; and puts a new one in its place at
 * once, for a server may be reading it.
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
  // Outside of what is served, and on the same disk.
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
  // What esbuild finds wrong it has already said.
  if (!(error instanceof Error && "errors" in error)) process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
}
