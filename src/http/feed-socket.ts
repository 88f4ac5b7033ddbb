import { subscribeUpgrade } from "../durable/sockets/subscribe-request.ts";
import type { Caller } from "../access/access.ts";
import { PROBLEMS } from "../protocol/codes.ts";
import { addressOf } from "./client-ip.ts";
import { demandPlace } from "./existence.ts";
import type { FeedAppOptions, FeedContext } from "./options.ts";
import { Problem } from "./problem.ts";
import type { SubscribeQuery } from "./query.ts";

/**
 * Opens a socket to the feed's object for a caller who has been checked: the answer to an upgrade, with the socket in it.
 * Every transport gets its messages over such a one, so that the object can sleep while nothing happens.
 */
export async function openFeedSocket<B extends object>(
  c: FeedContext<B>,
  options: FeedAppOptions<B>,
  caller: Caller,
  { subscription, since }: SubscribeQuery,
  protocol?: string,
): Promise<Response> {
  await demandPlace(c, options, caller);
  const { kind, expires } = caller;
  const credential = caller.kind === "anonymous" ? undefined : caller.id;
  const counted = { clientIp: addressOf(c.req.raw), kind, credential };
  const publishes = caller.on(c.get("feed")).publish;
  const upgrade = subscribeUpgrade({ subscription, since, protocol, caller: counted, publishes, expires });
  const response = await options.feeds(c.env).getByName(c.get("feed")).fetch(upgrade);
  if (response.status === 101) return response;
  const headers = { "Retry-After": "30" };
  const code = response.status === PROBLEMS.rate_limited.status ? "rate_limited" : "overloaded";
  throw new Problem(code, await response.text(), { headers });
}

/** The socket of such an answer, for a transport that reads it here. */
export function acceptedSocket({ webSocket }: Response): WebSocket {
  if (!webSocket) throw new Error("the feed's object answered without a socket");
  webSocket.accept();
  return webSocket;
}
