/** Environment variable with the URL of what `shared-servers.ts` serves. */
export const SHARED = "TICKERTAPE_SHARED";

export type SharedName = "build" | "package" | "workerd" | "wrangler-dev";

/** A server for files that only need feeds of their own: no test ends it, or changes how it is set. */
export interface SharedServer {
  readonly url: string;
  readonly port: number;
}

/** The Worker on a bare workerd: no page, no assets. */
export function sharedWorkerd(): Promise<SharedServer> {
  return serverOf("workerd");
}

/** The Worker and the page, by `wrangler dev`. Pages of all origins may use its feeds. */
export function sharedWranglerDev(): Promise<SharedServer> {
  return serverOf("wrangler-dev");
}

/** The folder of the built Worker; undefined where nothing is shared, as in the bench. */
export function sharedBuild(): Promise<string> | undefined {
  const from = process.env[SHARED];
  return from === undefined ? undefined : ask(from, "build");
}

/** The packed package: the path of its `.tgz`. */
export function sharedPackage(): Promise<string> {
  return ask(origin(), "package");
}

async function serverOf(name: SharedName): Promise<SharedServer> {
  const url = await ask(origin(), name);
  return { url, port: Number(new URL(url).port) };
}

function origin(): string {
  const from = process.env[SHARED];
  if (from === undefined) throw new Error(`${SHARED} is not set: vitest's global set-up has not run`);
  return from;
}

async function ask(from: string, name: SharedName): Promise<string> {
  const response = await fetch(`${from}/${name}`);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}
