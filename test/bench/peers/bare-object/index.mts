import { DurableObject } from "cloudflare:workers";

/*
 * The least that a Durable Object can do to carry what is POSTed to all its sockets: hibernatable sockets, one loop,
 * no storage, no checks, no merging. What it takes is what the platform takes. The classes have our names so that it is
 * served with the very same config.
 */
export class FeedObject extends DurableObject {
  readonly #kept = new Set<WebSocket>();
  #state = "";

  override async fetch(request: Request): Promise<Response> {
    if (request.headers.get("Upgrade") === "websocket") {
      const { 0: client, 1: server } = new WebSocketPair();
      this.ctx.acceptWebSocket(server);
      // The first message that is ever sent makes a socket larger, so a comparison of memory must say which of the two
      // it means.
      const { searchParams: asked } = new URL(request.url);
      if (asked.has("greet")) server.send("welcome");
      if (asked.has("keep")) this.#kept.add(server);
      const length = Number(asked.get("state") ?? 0);
      // Made once: all that is left is to send it.
      if (this.#state.length !== length) this.#state = `{"type":"snapshot","seq":1,"text":"`.padEnd(length, "x");
      if (length > 0) server.send(this.#state);
      return new Response(null, { status: 101, webSocket: client });
    }
    const body = await request.text();
    for (const socket of this.ctx.getWebSockets()) socket.send(body);
    return new Response("{}");
  }
}

/** Only because the config names it. */
export class DirectoryObject extends DurableObject {}

export default {
  fetch(request, env): Response | Promise<Response> {
    if (new URL(request.url).pathname === "/healthz") return new Response("ok");
    return env.FEEDS.getByName("bench").fetch(request);
  },
} satisfies ExportedHandler<{ readonly FEEDS: DurableObjectNamespace<FeedObject> }>;
