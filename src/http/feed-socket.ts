import type { SocketFormat } from "../durable/sockets/frames.ts";
import { subscribeUpgrade } from "../durable/sockets/subscribe-request.ts";
import { PROBLEMS } from "../protocol/codes.ts";
import { countedByOne, countedCaller } from "./authentication.ts";
import type { AppContext } from "./context.ts";
import { Problem } from "./problem.ts";
import type { SubscribeQuery } from "./query.ts";

/**
 * Opens a socket to the feed's object for an authorized caller, and returns the response to the upgrade. Every transport
 * gets its messages over such a socket, so that the object can hibernate while nothing happens. `protocol`: the subprotocol
 * to name in the response.
 */
export async function openFeedSocket(
  c: AppContext,
  { subscription, since }: SubscribeQuery,
  format: SocketFormat,
  protocol?: string,
): Promise<Response> {
  const { caller, deployment, feed, knownFeeds } = c.var;
  await knownFeeds.demandVisit(feed, countedByOne(caller, c.req.raw));
  const upgrade = subscribeUpgrade({
    subscription,
    since,
    format,
    protocol,
    caller: countedCaller(caller, c.req.raw),
    publishes: caller.on(feed).publish,
    expires: caller.expires,
  });
  const response = await deployment.feeds.getByName(feed).fetch(upgrade);
  if (response.status === 101) return response;
  const code = response.status === PROBLEMS.rate_limited.status ? "rate_limited" : "overloaded";
  throw new Problem(code, await response.text(), { retryAfter: 30 });
}

/** The same for a transport that reads the messages here, in the Worker. */
export async function acceptFeedSocket(
  c: AppContext,
  asked: SubscribeQuery,
  format: "sse" | "signal",
): Promise<WebSocket> {
  const { webSocket } = await openFeedSocket(c, asked, format);
  if (!webSocket) throw new Error("the feed's object answered without a socket");
  webSocket.accept();
  return webSocket;
}
