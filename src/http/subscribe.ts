import { subscribeUpgrade } from "../durable/subscribe-request.ts";
import { PROBLEMS } from "../protocol/codes.ts";
import { PROTOCOL } from "../protocol/messages.ts";
import { addressOf } from "./address.ts";
import { authenticate, demand, isBearerProtocol, offeredProtocols } from "./credentials.ts";
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
  const { subscription, since } = readSubscribeQuery(query);
  const protocol = chooseProtocol(offeredProtocols(request));
  const { id, expires } = caller;
  const publisher = caller.on(c.get("feed")).publish ? id : undefined;
  const address = addressOf(request);
  const upgrade = subscribeUpgrade({ subscription, since, protocol, publisher, expires, address });
  const response = await options.feeds(c.env).getByName(c.get("feed")).fetch(upgrade);
  if (response.status === 101) return response;
  const headers = { "Retry-After": "30" };
  if (response.status !== PROBLEMS.rate_limited.status) {
    throw new Problem("overloaded", "The feed has as many subscribers as it takes.", { headers });
  }
  throw new Problem("rate_limited", "The feed has as many subscribers from this address as it takes.", { headers });
}

/** The subprotocol to speak; nothing where the client offered none and gets the default. */
function chooseProtocol(offered: readonly string[]): string | undefined {
  const protocols = offered.filter((protocol) => !isBearerProtocol(protocol));
  if (protocols.length === 0) return undefined;
  if (protocols.includes(PROTOCOL)) return PROTOCOL;
  throw new Problem("unsupported_protocol", `The subprotocol spoken here is ${PROTOCOL}.`);
}
