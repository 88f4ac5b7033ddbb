import type { Json, JsonObject } from "../../protocol/json.ts";
import { Failure } from "../failure.ts";
import { listAt, objectAt, textsAt, type WranglerConfig } from "./wrangler-config.ts";

/** With which date and flags Tickertape is tested. */
export const COMPATIBILITY_DATE = "2026-09-01";
/**
 * no_web_socket_compression: messages are encoded once for all sockets, and compressing them for each costs more than it saves.
 * enable_request_signal: the place of a client that is gone is free at once.
 */
const FLAGS = ["no_web_socket_compression", "enable_request_signal"];

const OBJECTS = [
  { name: "FEEDS", class_name: "FeedObject" },
  { name: "DIRECTORY", class_name: "DirectoryObject" },
  { name: "FEED_REPLICAS", class_name: "ReplicaObject" },
];
const CLASSES = OBJECTS.map(({ class_name }) => class_name);

/** Requests a minute: of one network without a credential, and with one credential. */
const RATE_LIMITS = [
  { name: "ADDRESS_RATE", limit: 1_000 },
  { name: "CREDENTIAL_RATE", limit: 300_000 },
];

/** Settings in `[vars]` whose absence in an environment changes who may do what there. */
const SETTINGS = ["SUBSCRIBE_ACCESS", "ALLOWED_ORIGINS", "FEED_NAMES", "JWKS_URL", "JWT_ISSUER", "JWT_AUDIENCE"];

/** Something to put into a config: items at the end of a list, or a value that is not there. */
export type Addition = { readonly path: readonly string[]; readonly why: string } & (
  | { readonly append: readonly Json[]; readonly set?: undefined }
  | { readonly set: Json; readonly append?: undefined }
);

/** A config, or one of its environments. */
interface Scope {
  readonly path: readonly string[];
  readonly value: JsonObject;
}

/** The config itself, and each `[env.*]`: of bindings these inherit nothing. */
function scopesOf(config: JsonObject): Scope[] {
  const environments = Object.keys(objectAt(config, "env"));
  return [
    { path: [], value: config },
    ...environments.map((name) => ({ path: ["env", name], value: objectAt(config, "env", name) })),
  ];
}

/** Whether a config, or one of its environments, has an object of Tickertape. */
export function usesTickertape(config: JsonObject): boolean {
  return scopesOf(config).some(({ value }) => listAt(value, "durable_objects", "bindings").some(isOurs));
}

const isOurs = ({ class_name }: JsonObject): boolean => class_name === "FeedObject";

/** All that a config lacks. Throws a `Failure` where something else has one of the names. */
export function missingIn({ name, value }: Pick<WranglerConfig, "name" | "value">): Addition[] {
  const taken = new Set(
    scopesOf(value).flatMap((scope) => listAt(scope.value, "ratelimits").map(({ namespace_id }) => namespace_id)),
  );
  const date: Addition[] =
    value["compatibility_date"] === undefined
      ? [{ path: ["compatibility_date"], set: COMPATIBILITY_DATE, why: "compatibility_date" }]
      : [];
  return [...date, ...scopesOf(value).flatMap((scope) => missingInScope(name, scope, taken))];
}

function missingInScope(name: string, { path, value }: Scope, taken: Set<unknown>): Addition[] {
  const additions: Addition[] = [];
  const add = (under: readonly string[], append: readonly Json[], why: string): void => {
    if (append.length > 0) additions.push({ path: [...path, ...under], append, why });
  };
  const isTop = path.length === 0;
  // An environment inherits flags and migrations, unless it has some of its own.
  if (isTop || value["compatibility_flags"] !== undefined) {
    const flags = textsAt(value, "compatibility_flags");
    add(
      ["compatibility_flags"],
      FLAGS.filter((flag) => !flags.includes(flag)),
      "compatibility flags",
    );
  }
  add(["durable_objects", "bindings"], missingObjects(name, value), "the objects");
  if (isTop || value["migrations"] !== undefined) add(["migrations"], missingMigrations(value), "their migration");
  add(["ratelimits"], missingRateLimits(value, taken), "rate limits");
  return additions;
}

function missingObjects(name: string, scope: JsonObject): JsonObject[] {
  const bindings = listAt(scope, "durable_objects", "bindings");
  return OBJECTS.filter((wanted) => {
    const found = bindings.find((binding) => binding["name"] === wanted.name);
    if (found && found["class_name"] !== wanted.class_name)
      throw new Failure(
        `${name} binds ${wanted.name} to ${JSON.stringify(found["class_name"])}, and Tickertape needs that name for ${wanted.class_name}.`,
      );
    // The same class under another name is the owner's choice.
    return !found && !bindings.some(({ class_name }) => class_name === wanted.class_name);
  });
}

function missingMigrations(scope: JsonObject): JsonObject[] {
  const migrations = listAt(scope, "migrations");
  const known = new Set<unknown>(
    migrations.flatMap((one) => [
      ...textsAt(one, "new_sqlite_classes"),
      ...textsAt(one, "new_classes"),
      ...listAt(one, "renamed_classes").map(({ to }) => to),
      ...listAt(one, "transferred_classes").map(({ to }) => to),
    ]),
  );
  const fresh = CLASSES.filter((name) => !known.has(name));
  if (fresh.length === 0) return [];
  const tags = new Set(migrations.map(({ tag }) => tag));
  let n = 1;
  while (tags.has(`tickertape-v${n}`)) n++;
  return [{ tag: `tickertape-v${n}`, new_sqlite_classes: fresh }];
}

/** Each has a number of its own, unique in the account: environments must not count together. */
function missingRateLimits(scope: JsonObject, taken: Set<unknown>): JsonObject[] {
  const names = new Set(listAt(scope, "ratelimits").map(({ name }) => name));
  return RATE_LIMITS.filter(({ name }) => !names.has(name)).map(({ name, limit }) => {
    let id = 1_001;
    while (taken.has(String(id))) id++;
    taken.add(String(id));
    return { name, namespace_id: String(id), simple: { limit, period: 60 } };
  });
}

/** What is set for the whole Worker and not for an environment, which does not inherit it. A sentence each. */
export function settingsLost({ name, value }: Pick<WranglerConfig, "name" | "value">): string[] {
  const set = SETTINGS.filter((setting) => objectAt(value, "vars")[setting] !== undefined);
  return Object.keys(objectAt(value, "env")).flatMap((environment) => {
    const own = objectAt(value, "env", environment, "vars");
    const lost = set.filter((setting) => own[setting] === undefined);
    return lost.length > 0
      ? [`${name}: the environment ${environment} does not inherit [vars], so ${lost.join(", ")} is not set there.`]
      : [];
  });
}
