import { readVariable } from "./dev-vars.ts";
import { UsageError } from "./failure.ts";

const HERE = "http://127.0.0.1:8787";

/** The server's address: what is named, else that of the environment, else that of `wrangler dev`. */
export function serverUrl(named: string | undefined): string {
  const text = named ?? (process.env["TICKERTAPE_URL"] || HERE);
  if (!/^https?:$/.test(URL.canParse(text) ? new URL(text).protocol : ""))
    throw new UsageError(`${text} is not an http address, such as https://feeds.example.com`);
  return text.replace(/\/+$/, "");
}

export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** What a credential is for, by the name of the key that may do it. */
type KeyName = "PUBLISH_KEY" | "ADMIN_KEY";

/** A credential that was named, or stands in the environment. An unset variable in a shell gives an empty one. */
export function namedToken(named: string | undefined): string | undefined {
  return (named ?? process.env["TICKERTAPE_TOKEN"]) || undefined;
}

/**
 * The key of that name: of the environment or, for a server on this machine, of the folder's own `.dev.vars`. A key of
 * another server is never sent there.
 */
export function keyFor(url: string, name: KeyName): string | undefined {
  const own = process.env[name] || (isLoopback(url) ? readVariable(process.cwd(), name) : undefined);
  return own?.split(",")[0]?.trim() || undefined;
}
