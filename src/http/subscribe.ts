import { PROTOCOL } from "../protocol/messages.ts";
import { PACKED_PROTOCOL } from "../protocol/packed.ts";
import { authenticate, demand, isBearerProtocol, offeredProtocols } from "./credentials.ts";
import { openFeedSocket } from "./feed-socket.ts";
import type { FeedAppOptions, FeedContext } from "./options.ts";
import { demandOrigin } from "./origins.ts";
import { Problem } from "./problem.ts";
import { readSubscribeQuery } from "./query.ts";

export function isUpgrade(request: Request): boolean {
  return request.method === "GET" && request.headers.get("Upgrade")?.toLowerCase() === "websocket";
}

/** `GET /v1/feeds/{feed}` with `Upgrade: websocket` */
export async function subscribe<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const request = c.req.raw;
  const query = new URL(c.req.url).searchParams;
  demandOrigin(options.allowedOrigins(c.env), request);
  const caller = await authenticate(c, options, query);
  demand(caller, "subscribe", c.get("feed"));
  const asked = readSubscribeQuery(query);
  return openFeedSocket(c, options, caller, asked, chooseProtocol(offeredProtocols(request)));
}

/** The subprotocol to speak; nothing where the client offered none and gets the default. */
function chooseProtocol(offered: readonly string[]): string | undefined {
  const protocols = offered.filter((protocol) => !isBearerProtocol(protocol));
  if (protocols.length === 0) return undefined;
  const spoken = protocols.find((protocol) => protocol === PROTOCOL || protocol === PACKED_PROTOCOL);
  if (spoken !== undefined) return spoken;
  throw new Problem("unsupported_protocol", `The subprotocols spoken here are ${PROTOCOL} and ${PACKED_PROTOCOL}.`);
}
