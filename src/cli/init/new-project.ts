import { basename } from "node:path";
import { COMPATIBILITY_DATE } from "./needs.ts";

/** The Worker's code, where there is none yet. */
export const WORKER = `import { feed, tickertape } from "@tickertape/feed/worker";

export const feeds = { stocks: feed({ silentAfter: 30 }) };
const { app, FeedObject, DirectoryObject, ReplicaObject } = tickertape({ feeds });
export { FeedObject, DirectoryObject, ReplicaObject };
export default app;
`;

/** What to add to code that is there. */
export const WORKER_LINES = `import { feed, tickertape } from "@tickertape/feed/worker";

export const feeds = { stocks: feed({ silentAfter: 30 }) };
const { app: live, FeedObject, DirectoryObject, ReplicaObject } = tickertape({ feeds });
export { FeedObject, DirectoryObject, ReplicaObject };
// With Hono: app.route("/live", live). In a handler of your own: return live.fetch(request, env, ctx).`;

export const TSCONFIG = `{
  "compilerOptions": {
    "target": "es2024",
    "lib": ["es2024"],
    "module": "esnext",
    "moduleResolution": "bundler",
    "types": ["@cloudflare/workers-types"],
    "strict": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["src"]
}
`;

/**
 * The beginning of a new config; the objects and rate limits are added to it as to any other. TOML, as in all examples of the
 * documentation.
 */
export function newConfig(folder: string, main: string): string {
  return `name = "${workerName(folder)}"
main = "${main}"
compatibility_date = "${COMPATIBILITY_DATE}"
# Each function would be given its name again whenever it is created.
keep_names = false

# The dashboard, its documentation and the client for pages: \`tickertape assets public\` copies them there.
[assets]
directory = "./public"
# The Worker answers these paths; every other path is a static file.
run_worker_first = ["/v1/*", "/healthz", "/metrics", "/openapi.json", "/asyncapi.json"]

[vars]
# "public": anyone may read. "token": reading needs a credential.
SUBSCRIBE_ACCESS = "public"
# Other origins whose pages may read and publish, comma-separated, or "*". Empty: this origin only.
ALLOWED_ORIGINS = ""

[observability]
enabled = true
# Credentials may come in the query where no header can be set; they must not reach the logs.
redact_query_string = true

[dev]
port = 8787
ip = "127.0.0.1"
`;
}

/** A name that Cloudflare takes, from the folder's. */
function workerName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 54);
  return name === "" ? "feeds" : name;
}
