// The layers of the house. Each folder of src/ may import itself and what its row names, and nothing else.
// `npm run layers` checks it, types included; test/architecture/layers.test.ts plants a violation in each.

const ROOMS_OF_DURABLE = [
  "durable/storage",
  "durable/requests",
  "durable/sockets",
  "durable/directory",
  "durable/serving",
  "durable/links",
];

/** @type {Record<string, { imports: string[], packages?: string[] }>} */
export const LAYERS = {
  protocol: { imports: [], packages: ["valibot", "@msgpack/msgpack"] },
  "feed/state": { imports: ["protocol"] },
  "feed/fanout": { imports: ["protocol", "feed/state"] },
  replication: { imports: ["protocol", "feed/state"] },
  declared: { imports: ["protocol"] },
  placement: { imports: ["access", "feed/state"] },
  access: { imports: ["protocol", "declared"], packages: ["jose", "cloudflare:workers"] },
  limits: { imports: ["protocol", "access", "declared"] },
  "durable/storage": { imports: ["protocol", "feed/state"] },
  "durable/requests": { imports: ["protocol", "feed/state", "feed/fanout", "limits", "durable/storage"] },
  "durable/sockets": {
    imports: ["protocol", "feed/state", "feed/fanout", "access", "limits", "placement", "durable/requests"],
    packages: ["valibot"],
  },
  "durable/directory": { imports: ["protocol", "limits"], packages: ["cloudflare:workers"] },
  "durable/serving": {
    imports: [
      "protocol",
      "feed/state",
      "feed/fanout",
      "declared",
      "access",
      "limits",
      "placement",
      "durable/storage",
      "durable/requests",
      "durable/sockets",
      "durable/directory",
      "durable/links",
    ],
    packages: ["cloudflare:workers"],
  },
  "durable/links": {
    imports: ["protocol", "feed/state", "limits", "replication", "durable/requests", "durable/storage"],
  },
  "durable/replica": {
    imports: [
      "protocol",
      "feed/state",
      "feed/fanout",
      "limits",
      "replication",
      "durable/requests",
      "durable/sockets",
      "durable/serving",
      "durable/links",
    ],
  },
  durable: {
    imports: ["protocol", "feed/state", "feed/fanout", "replication", "placement", "limits", ...ROOMS_OF_DURABLE],
    packages: ["cloudflare:workers"],
  },
  specs: { imports: ["protocol"], packages: ["valibot", "@valibot/to-json-schema"] },
  http: {
    imports: [
      "protocol",
      "access",
      "limits",
      "placement",
      "durable",
      "durable/replica",
      "durable/serving",
      "durable/requests",
      "durable/sockets",
      "durable/directory",
      "specs",
    ],
    packages: ["valibot", "hono"],
  },
  worker: {
    imports: [
      "protocol",
      "declared",
      "feed/state",
      "access",
      "durable",
      "durable/replica",
      "durable/serving",
      "durable/requests",
      "durable/directory",
      "http",
      "publisher",
    ],
    packages: ["hono"],
  },
  "index.ts": { imports: ["worker", "durable", "durable/replica", "durable/directory"] },
  connecting: { imports: [] },
  client: { imports: ["protocol", "connecting"], packages: ["eventsource-parser"] },
  publisher: { imports: ["protocol", "connecting"] },
  react: { imports: ["client"], packages: ["react"] },
  elements: { imports: ["protocol", "client"] },
  "dashboard/model": { imports: ["protocol", "client"] },
  "dashboard/view": { imports: ["protocol", "client", "dashboard/model"], packages: ["lightweight-charts"] },
  dashboard: { imports: ["protocol", "client", "dashboard/model", "dashboard/view"] },
  docs: { imports: [], packages: ["minisearch"] },
  // Alone: it has to judge other servers, and ours, by the contract.
  conformance: { imports: [], packages: ["node:*", "eventsource-parser", "@msgpack/msgpack"] },
  cli: {
    imports: ["protocol", "access", "client", "publisher", "dashboard/model", "conformance"],
    packages: [
      "node:*",
      "@commander-js/extra-typings",
      "commander",
      "jose",
      "jsonc-parser",
      "log-update",
      "string-width",
      "toml-eslint-parser",
      "ws",
    ],
  },
  demo: { imports: ["protocol", "publisher"], packages: ["node:*", "execa", "get-port", "jose"] },
  build: { imports: [], packages: ["node:*", "esbuild", "marked"] },
};

/** @param {string} layer */
const pathOf = (layer) => {
  if (layer.endsWith(".ts")) return `^src/${layer}$`;
  // The files of a folder with rooms are those outside the rooms.
  const hasRooms = Object.keys(LAYERS).some((other) => other.startsWith(`${layer}/`));
  return hasRooms ? `^src/${layer}/[^/]+$` : `^src/${layer}/`;
};

/** @param {string} name */
const packagePath = (name) => (name.includes(":") ? `^${name}$` : `^node_modules/${name}/`);

/**
 * What a layer may not import: all files of src/ and all packages but those of its row.
 * @type {import("dependency-cruiser").IForbiddenRuleType[]}
 */
const rules = Object.entries(LAYERS).map(([layer, { imports, packages = [] }]) => ({
  name: `layer ${layer}`,
  comment: `src/${layer} may import ${[...imports, ...packages].join(", ") || "only itself"}.`,
  severity: "error",
  from: { path: pathOf(layer) },
  to: {
    pathNot: [pathOf(layer), ...imports.map(pathOf), ...packages.map(packagePath)],
    ...(packages.includes("node:*") && { dependencyTypesNot: ["core"] }),
  },
}));

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    { name: "no circle", severity: "error", from: {}, to: { circular: true } },
    {
      name: "every folder has a layer",
      severity: "error",
      from: { path: "^src/", pathNot: [...Object.keys(LAYERS).map(pathOf), "^src/worker-configuration.d.ts$"] },
      to: {},
    },
    ...rules,
    {
      name: "src knows no test",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^test/" },
    },
  ],
  options: {
    // The TypeScript of this repository has no interface that the tool could use.
    parser: "swc",
    doNotFollow: { path: "node_modules" },
    preserveSymlinks: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "default"] },
  },
};
