import { getServerByName, Server } from "partyserver";

/** A room as in partyserver's own examples. It has our class names, so that the same config serves it. */
export class FeedObject extends Server {
  static override options = { hibernate: true };

  override async onRequest(request: Request): Promise<Response> {
    this.broadcast(await request.text());
    return new Response("{}");
  }
}

/** Only because the config names it. */
export class DirectoryObject extends Server {}

interface Env {
  readonly FEEDS: DurableObjectNamespace<FeedObject>;
}

export default {
  async fetch(request, env): Promise<Response> {
    if (new URL(request.url).pathname === "/healthz") return new Response("ok");
    return (await getServerByName(env.FEEDS, "bench")).fetch(request);
  },
} satisfies ExportedHandler<Env>;
