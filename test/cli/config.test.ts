import { describe, expect, test } from "vitest";
import { edited } from "../../src/cli/init/edit-config.ts";
import { missingIn, settingsLost } from "../../src/cli/init/needs.ts";
import { parseConfig } from "../../src/cli/init/wrangler-config.ts";

function added(name: string, text: string): string {
  const config = { name, text, value: parseConfig(name, text) };
  return edited(config, missingIn(config));
}

const OBJECTS = [
  { name: "FEEDS", class_name: "FeedObject" },
  { name: "DIRECTORY", class_name: "DirectoryObject" },
  { name: "FEED_REPLICAS", class_name: "ReplicaObject" },
];
const CLASSES = OBJECTS.map(({ class_name }) => class_name);

/** The numbers of a scope's rate limits. */
const rates = (scope: object): string[] =>
  (scope as { ratelimits: { namespace_id: string }[] }).ratelimits.map(({ namespace_id }) => namespace_id);

/** What the text was made of is all still there, in its order. */
function expectKept(before: string, after: string): void {
  let at = 0;
  for (const line of before.split("\n")) {
    const found = after.indexOf(line.replace(/[\s\]},]*((#|\/\/).*)?$/, ""), at);
    expect(found, `${line} is kept`).toBeGreaterThanOrEqual(at);
    at = found;
  }
  for (const comment of before.match(/(#|\/\/|\/\*).*/g) ?? []) expect(after).toContain(comment);
}

const TOML = `# My worker
name = "mine"
main = "src/index.ts"   # the entry
compatibility_date = "2025-01-01"
compatibility_flags = [ "nodejs_compat" ] # node

[vars]
A = "b" # why

# rooms
[[durable_objects.bindings]]
name = "ROOMS"
class_name = "Room"

[[migrations]]
tag = "v1" # the first
new_sqlite_classes = ["Room"]

[env.staging]
vars = { A = "c" }

# the real one
[env.production.vars]
A = "d"
`;

const JSONC = `// My worker
{
	"name": "mine",
	"main": "src/index.ts", // the entry
	/* node */
	"compatibility_date": "2025-01-01",
	"durable_objects": {
		"bindings": [
			{ "name": "ROOMS", "class_name": "Room" }, // rooms
		],
	},
	"migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room"] }],
	"env": { "production": { "vars": { "A": "d" } } },
}
`;

describe.each([
  ["wrangler.toml", TOML, ["staging", "production"]],
  ["wrangler.jsonc", JSONC, ["production"]],
])("%s", (name, text, environments) => {
  const result = added(name, text);
  const value = parseConfig(name, result);

  test("gets objects, their migration, rate limits and flags, beside what it has", () => {
    expect(value).toMatchObject({
      name: "mine",
      compatibility_date: "2025-01-01",
      durable_objects: { bindings: [{ name: "ROOMS", class_name: "Room" }, ...OBJECTS] },
      migrations: [{ tag: "v1" }, { tag: "tickertape-v1", new_sqlite_classes: CLASSES }],
      ratelimits: [{ name: "ADDRESS_RATE" }, { name: "CREDENTIAL_RATE" }],
      compatibility_flags: expect.arrayContaining(["no_web_socket_compression", "enable_request_signal"]),
    });
  });

  test("each environment, which inherits no bindings, gets its own, and counts by itself", () => {
    const scopes = environments.map((environment) => (value["env"] as Record<string, object>)[environment] ?? {});
    for (const scope of scopes) expect(scope).toMatchObject({ durable_objects: { bindings: OBJECTS } });
    const ids = [value, ...scopes].flatMap(rates);
    expect(new Set(ids).size).toBe(2 * (1 + environments.length));
  });

  test("keeps every line and comment, and nothing is added a second time", () => {
    expectKept(text, result);
    expect(added(name, result)).toBe(result);
  });
});

test.each([
  ["on one line", 'durable_objects.bindings = [ { name = "A", class_name = "A" } ]\n'],
  ["on one line, with a comma at the end", 'durable_objects.bindings = [{ name = "A", class_name = "A" }, ]\n'],
  [
    "in a table of its own",
    '[durable_objects]\nbindings = [\n  { name = "A", class_name = "A" }, # a\n  # the end\n]\n',
  ],
  ["without a comma at the end", '[durable_objects]\nbindings = [\n\t{ name = "A", class_name = "A" } # a\n]\n'],
  ["in a table on one line", 'durable_objects = { bindings = [{ name = "A", class_name = "A" }] }\n'],
  ["that is empty", "durable_objects.bindings = []\n"],
])("objects go into a list of TOML %s", (_, list) => {
  const result = added("wrangler.toml", `name = "x"\n${list}`);
  const { bindings } = parseConfig("wrangler.toml", result)["durable_objects"] as { bindings: { name: string }[] };
  expect(bindings.map(({ name }) => name)).toEqual([
    ...(list.includes("A") ? ["A"] : []),
    ...OBJECTS.map(({ name }) => name),
  ]);
  for (const comment of list.match(/#.*/g) ?? []) expect(result).toContain(comment);
});

test("a config that cannot be added to is left alone, and the lines are told", () => {
  const text = 'name = "x"\ndurable_objects = {}\n';
  expect(() => added("wrangler.toml", text)).toThrow(
    /cannot be added to[^]*\[\[durable_objects\.bindings\]\]\nname = "FEEDS"/,
  );
});

test("a name that something else has is told, and nothing is done", () => {
  const text = 'name = "x"\n[[durable_objects.bindings]]\nname = "FEEDS"\nclass_name = "Rss"\n';
  expect(() => added("wrangler.toml", text)).toThrow('wrangler.toml binds FEEDS to "Rss"');
});

test.each([
  ["wrangler.toml", "name = \n"],
  ["wrangler.jsonc", '{\n  "name": \n}'],
])("%s with a mistake in it: says where", (name, text) => {
  expect(() => parseConfig(name, text)).toThrow(new RegExp(`${name} is not understood: .*`));
});

test("what an environment does not inherit of the settings is told", () => {
  const value = parseConfig(
    "wrangler.toml",
    '[vars]\nSUBSCRIBE_ACCESS = "token"\n[env.a]\n[env.b.vars]\nSUBSCRIBE_ACCESS = "token"\n',
  );
  expect(settingsLost({ name: "wrangler.toml", value })).toEqual([
    "wrangler.toml: the environment a does not inherit [vars], so SUBSCRIBE_ACCESS is not set there.",
  ]);
});
