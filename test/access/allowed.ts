import { accessBy, type AccessSettings } from "../../src/access/credentials.ts";

/** What a credential allows on the feed `stocks`, or why it is refused. */
export async function allowed(settings: AccessSettings, credential: string): Promise<string> {
  const caller = await accessBy({ SUBSCRIBE_ACCESS: "token", ...settings }).identify(credential);
  if (typeof caller === "string") return caller;
  const { admin, metrics, publish, subscribe } = caller.on("stocks");
  if (admin) return "admin";
  const actions = [publish && "publish", subscribe && "subscribe", metrics && "metrics"].filter(Boolean);
  return actions.join(" ") || "nothing";
}
