import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { codeBlocks } from "../e2e/support/docs-code.ts";

const root = join(import.meta.dirname, "../..");
const typed = (await codeBlocks()).filter(({ language }) => ["ts", "tsx"].includes(language));

const OPTIONS = {
  target: "es2024",
  module: "esnext",
  moduleResolution: "bundler",
  jsx: "react-jsx",
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  verbatimModuleSyntax: true,
  // As the sources themselves are checked, which the example of a Worker takes in.
  exactOptionalPropertyTypes: true,
};
/** What the package's names stand for, and a checkout beside one's own code. */
const PATHS = {
  "@tickertape/feed/*": [join(root, "src/*/index.ts")],
  "@tickertape/feed/msgpack": [join(root, "src/client/msgpack.ts")],
  "tickertape/*": [join(root, "*")],
};

/** What an example says of the feeds that it imports. */
const FEEDS = `import type { DeclaredFeed } from "@tickertape/feed/client";
export declare const feeds: { stocks: DeclaredFeed<{ last: number; bid?: number }> };
`;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tickertape-examples-"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  symlinkSync(root, join(folder, "tickertape"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the compiler says of examples that run on one platform. */
function complaints(name: string, options: object, examples: typeof typed): string {
  const files = examples.map(({ language, code }, i) => {
    const file = `${name}-${i}.${language}`;
    // Each example is a module, whatever it imports.
    writeFileSync(join(folder, file), `${code}\nexport {};\n`);
    return file;
  });
  const config = join(folder, `tsconfig.${name}.json`);
  writeFileSync(config, JSON.stringify({ compilerOptions: { ...OPTIONS, ...options, paths: PATHS }, files }));
  return spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", config]).stdout.toString();
}

test("the examples in TypeScript compile, on the platform that they are for, and one that does not is found", () => {
  // What is registered holds for the whole program.
  const kinds = [/"@tickertape\/feed\/worker"|"\.\/index"/, /interface Register/];
  const [worker = [], registering = []] = kinds.map((text) => typed.filter(({ code }) => text.test(code)));
  const others = typed.filter((example) => !worker.includes(example) && !registering.includes(example));
  // What others import the types of their feeds from.
  writeFileSync(join(folder, "index.ts"), worker.find(({ code }) => code.includes("export const feeds"))?.code ?? "");
  expect(worker.length).toBeGreaterThanOrEqual(4);
  expect(registering.length).toBe(1);
  expect(others.length).toBeGreaterThanOrEqual(5);
  expect(complaints("worker", { lib: ["es2024"], types: ["@cloudflare/workers-types"] }, worker)).toBe("");
  const browser = { lib: ["es2024", "dom", "dom.iterable", "dom.asynciterable"], types: ["node", "react"] };
  writeFileSync(join(folder, "feeds.ts"), FEEDS);
  // With two mistakes of its own, a feed that is not declared and a field that is not selected.
  const mistaken = `${registering[0]?.code}connect("", "stonks");\nfeed.get("AAPL")?.bid;\n`;
  const found = complaints("registering", browser, [{ file: "", language: "ts", code: mistaken }]).match(/error TS.*/g);
  expect(found).toEqual([
    expect.stringMatching("No overload matches"),
    expect.stringMatching("Property 'bid' does not exist"),
  ]);
  const wrong = {
    file: "x.md",
    language: "ts",
    code: 'import { connect } from "@tickertape/feed/client"; connect(1, 2);',
  };
  expect(complaints("others", browser, [wrong, ...others])).toMatch(/^\S*others-0\.ts\S+ error TS2769.*\n(\s.*\n)*$/);
});
