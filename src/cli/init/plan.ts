import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { applyEdits, modify } from "jsonc-parser";
import { isJsonObject, type JsonObject } from "../../protocol/json.ts";
import { secretsFile } from "../dev-vars.ts";
import { Failure } from "../failure.ts";
import { edited } from "./edit-config.ts";
import { COMPATIBILITY_DATE, missingIn, settingsLost, type Addition } from "./needs.ts";
import { newConfig, TSCONFIG, WORKER } from "./new-project.ts";
import { packageName, testedRange, version } from "./own-package.ts";
import { withSecrets } from "./secrets.ts";
import { objectAt, parseConfig, parseJson, readWranglerConfig, type WranglerConfig } from "./wrangler-config.ts";

/** A file to write, and what was done to it, for the user. */
export interface FileChange {
  /** In the folder. */
  readonly name: string;
  readonly text: string;
  readonly what: string;
  /** Only its owner may read it. */
  readonly isSecret?: true;
}

export interface Plan {
  readonly files: readonly FileChange[];
  /** The Worker's code, and whether the user has to add the lines there. */
  readonly main: string;
  readonly needsLines: boolean;
  /** Whether packages have to be installed. */
  readonly needsInstall: boolean;
  /** Whether the dashboard is to be copied to `public/`. */
  readonly needsAssets: boolean;
  /** What the user should know. */
  readonly notes: readonly string[];
}

/** wrangler runs on no older Node. */
const WRANGLER_NODE = 22;

/** What is missing in a folder, to be written all at once: a config that cannot be added to leaves all as it was. */
export function planInit(folder: string, nodeVersion: string): Plan {
  const files: FileChange[] = [];
  const read = (name: string): string | undefined =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : undefined;
  const change = (name: string, text: string | undefined, what: string, isSecret?: true): void => {
    if (text !== undefined && text !== read(name)) files.push({ name, text, what, ...(isSecret && { isSecret }) });
  };

  const found = readWranglerConfig(folder);
  const isNew = found === undefined;
  const main = mainOf(found?.value) ?? freeMain(read);
  const fresh = newConfig(folder, main);
  const config = found ?? { name: "wrangler.toml", text: fresh, value: parseConfig("wrangler.toml", fresh) };
  const noMain = config.value["main"] === undefined ? [{ path: ["main"], set: main, why: "main" }] : [];
  const additions = [...noMain, ...missingIn(config)];
  const what = isNew ? "made" : `added ${[...new Set(additions.map(({ why }) => why))].join(", ")}`;
  change(config.name, edited(config, additions), what);

  const code = read(main);
  if (code === undefined) change(main, WORKER, "made");
  if (isNew && read("tsconfig.json") === undefined) change("tsconfig.json", TSCONFIG, "made");

  const manifest = read("package.json");
  change(
    "package.json",
    manifestWith(manifest, isNew, nodeVersion),
    manifest === undefined ? "made" : "added what was missing",
  );
  const secrets = secretsFile(folder);
  const oldSecrets = read(secrets);
  change(
    secrets,
    withSecrets(oldSecrets ?? ""),
    oldSecrets === undefined ? "made, with random keys" : "added missing keys",
    true,
  );
  const ignored = read(".gitignore");
  change(".gitignore", ignoring(ignored ?? "", secrets), ignored === undefined ? "made" : "added secrets and caches");

  return {
    files,
    main,
    needsLines: code !== undefined && !code.includes(`${packageName}/worker`),
    needsInstall: files.some(({ name }) => name === "package.json"),
    needsAssets: isNew,
    notes: [
      ...(isNew ? [] : compatibilityNotes(config, additions)),
      ...settingsLost(config),
      ...notesOf(folder, config.value),
    ],
  };
}

function mainOf(config: JsonObject | undefined): string | undefined {
  const main = config?.["main"];
  return typeof main === "string" ? main.replace(/^\.\//, "") : undefined;
}

/** A name that no code of another kind has. */
function freeMain(read: (name: string) => string | undefined): string {
  const isFree = (name: string): boolean => read(name)?.includes(`${packageName}/worker`) ?? true;
  return ["src/index.ts", "src/worker.ts"].find(isFree) ?? "src/tickertape.ts";
}

/** Returns undefined if nothing is missing. */
function manifestWith(text: string | undefined, isNew: boolean, nodeVersion: string): string | undefined {
  const manifest: unknown = text === undefined ? {} : parseJson("package.json", text);
  if (!isJsonObject(manifest)) throw new Failure("package.json is not understood: it has no members.");
  const has = (name: string): boolean =>
    ["dependencies", "devDependencies", "optionalDependencies"].some(
      (group) => objectAt(manifest, group)[name] !== undefined,
    );
  let result = text ?? "{}\n";
  const put = (path: readonly string[], value: string | boolean): void => {
    const formattingOptions = { insertSpaces: !/\n\t/.test(result), tabSize: /\n( +)"/.exec(result)?.[1]?.length ?? 2 };
    result = applyEdits(result, modify(result, [...path], value, { formattingOptions }));
  };
  const depend = (group: string, name: string, range = testedRange(name)): void => {
    if (!has(name)) put([group, name], range);
  };
  if (text === undefined) put(["private"], true);
  depend("dependencies", packageName, `^${version}`);
  depend("dependencies", "hono");
  depend("devDependencies", "wrangler");
  if (isNew) for (const name of ["typescript", "@cloudflare/workers-types"]) depend("devDependencies", name);
  // With a package of that name, what npm and npx run is run by it.
  if (Number(nodeVersion.split(".")[0]) < WRANGLER_NODE) depend("devDependencies", "node");
  for (const [name, command] of [
    ["dev", "wrangler dev"],
    ["deploy", "wrangler deploy"],
  ] as const) {
    if (objectAt(manifest, "scripts")[name] === undefined) put(["scripts", name], command);
  }
  return result === text ? undefined : result;
}

/** A `.gitignore` that keeps secrets out of a repository. */
function ignoring(text: string, secrets: string): string {
  const lines = new Set(text.split(/\r?\n/).map((line) => line.trim().replace(/^\/|\/$/g, "")));
  const isIgnored = (name: string): boolean => lines.has(name) || lines.has(`${name}*`);
  const missing = ["node_modules", ".wrangler", secrets].filter((name) => !isIgnored(name));
  if (missing.length === 0) return text;
  const head = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  return `${head}${missing.map((name) => `${name === secrets ? name : `${name}/`}\n`).join("")}`;
}

/** What the flags and the date of a Worker mean for what else is in it. */
function compatibilityNotes({ name, value }: WranglerConfig, additions: readonly Addition[]): string[] {
  const notes: string[] = [];
  const flags = additions.flatMap(({ path, append }) => (path.at(-1) === "compatibility_flags" ? (append ?? []) : []));
  if (flags.includes("no_web_socket_compression"))
    notes.push(
      "no_web_socket_compression holds for all sockets of this Worker: take it out if others of yours are to be compressed.",
    );
  const date = value["compatibility_date"];
  if (typeof date === "string" && date < COMPATIBILITY_DATE)
    notes.push(`${name} has the compatibility_date ${date}; Tickertape is tested with ${COMPATIBILITY_DATE}.`);
  return notes;
}

function notesOf(folder: string, config: JsonObject): string[] {
  const notes: string[] = [];
  const environments = Object.keys(objectAt(config, "env"));
  const own = environments.filter((name) => existsSync(join(folder, `.dev.vars.${name}`)));
  for (const name of own)
    notes.push(`wrangler dev --env ${name} reads .dev.vars.${name} alone: it needs a PUBLISH_KEY of its own.`);
  const observability = objectAt(config, "observability");
  if (observability["enabled"] === true && observability["redact_query_string"] !== true)
    notes.push(
      "Set redact_query_string = true in [observability]: tokens may come in the query of a socket's address.",
    );
  return notes;
}
