import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { licencesOf } from "./licences.ts";

/** Libraries of the command are CommonJS in part, and ask for Node's own modules by `require`. */
const REQUIRE = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`;

/**
 * Writes the command `tickertape` to `dist/cli/`, with its libraries in it; the pages that it copies to `dist/public/`; and
 * the licence texts of all libraries that are inlined anywhere in the package.
 */
export async function buildCli(root: string, dist: string): Promise<void> {
  const pages = spawnSync(process.execPath, [join(root, "src/build/build.ts")], { stdio: "inherit" });
  if (pages.status !== 0) throw new Error("the pages could not be built");
  cpSync(join(root, "public"), join(dist, "public"), { recursive: true });

  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { tickertape: "src/cli/main.ts" },
    outdir: join(dist, "cli"),
    bundle: true,
    // Each command is loaded when it is used.
    splitting: true,
    chunkNames: "[name]-[hash]",
    platform: "node",
    // The CommonJS of jsonc-parser asks for its own modules in a way that no bundler follows.
    mainFields: ["module", "main"],
    format: "esm",
    target: "node20",
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: true,
    banner: { js: REQUIRE },
    metafile: true,
    logLevel: "warning",
  });
  chmodSync(join(dist, "cli/tickertape.js"), 0o755);

  const others = await build({
    absWorkingDir: root,
    entryPoints: ["src/client/over-http.ts", "src/dashboard/main.ts", "src/docs/page.ts"],
    outdir: join(dist, "other"),
    bundle: true,
    format: "esm",
    metafile: true,
    write: false,
  });
  const inputs = [metafile, others.metafile].flatMap(({ inputs }) => Object.keys(inputs));
  writeFileSync(join(dist, "LICENSES.txt"), licencesOf(root, inputs));
}
