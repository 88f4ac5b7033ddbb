import type { SocketFormat } from "../durable/sockets/frames.ts";
import { ELSEWHERE, PLAN_HEADER, publisherUpgrade, subscribeUpgrade } from "../durable/sockets/subscribe-request.ts";
import type { CountedCaller } from "../limits/places.ts";
import { nearestRegion, type Whereabouts } from "../placement/regions.ts";
import { decodePlan } from "../placement/plan-text.ts";
import { PROBLEMS } from "../protocol/codes.ts";
import { countedByOne, countedCaller } from "./authentication.ts";
import type { AppContext } from "./context.ts";
import type { Asker } from "./plans.ts";
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
  const { caller, feed, knownFeeds, plans, deployment } = c.var;
  const { replicas, replicaRegions } = deployment;
  await knownFeeds.demandVisit(feed, countedByOne(caller, c.req.raw));
  const counted = countedCaller(caller, c.req.raw);
  let refusal: Response | undefined;
  const asker = askerOf(c, counted);
  const region = replicas && nearestRegion(replicaRegions, asker.from());
  const opened = await plans.serve(feed, asker, async ({ object, isLast }) => {
    const response = await object.fetch(
      subscribeUpgrade({
        subscription,
        since,
        format,
        protocol,
        caller: counted,
        publishes: caller.on(feed).publish,
        expires: caller.expires,
        region,
        isLast,
      }),
    );
    const plan = decodePlan(response.headers.get(PLAN_HEADER) ?? "");
    const isOverloaded = response.status === PROBLEMS.overloaded.status;
    if (response.status === ELSEWHERE) return { served: undefined, plan };
    if (response.status !== 101) refusal = response;
    if (isOverloaded && !isLast) return { served: undefined, plan };
    return { served: withoutPlan(response), plan };
  });
  if (opened?.status === 101) return opened;
  throw await refused(refusal);
}

/** Opens a socket that only publishes. It goes to the feed's leader, whatever replicas there are. */
export async function openPublisherSocket(c: AppContext, format: SocketFormat, protocol?: string): Promise<Response> {
  const { caller, feed, knownFeeds, deployment } = c.var;
  await knownFeeds.demandVisit(feed, countedByOne(caller, c.req.raw));
  const { expires } = caller;
  const upgrade = publisherUpgrade({ caller: countedCaller(caller, c.req.raw), expires, format, protocol });
  const response = await deployment.feeds.getByName(feed).fetch(upgrade);
  if (response.status === 101) return withoutPlan(response);
  throw await refused(response);
}

async function refused(response: Response | undefined): Promise<Problem> {
  const code = response?.status === PROBLEMS.rate_limited.status ? "rate_limited" : "overloaded";
  return new Problem(code, (await response?.text()) || NO_OBJECT, { retryAfter: 30 });
}

const NO_OBJECT = "The feed has as many subscribers as it takes.";

/** The plan is for this Worker alone. */
function withoutPlan(response: Response): Response {
  if (!response.headers.has(PLAN_HEADER)) return response;
  const headers = new Headers(response.headers);
  headers.delete(PLAN_HEADER);
  return new Response(response.body, { status: response.status, webSocket: response.webSocket, headers });
}

/** Who asks, for the choice of the object that serves. */
export function askerOf(c: AppContext, { clientIp, credential }: CountedCaller): Asker {
  return { from: () => whereaboutsOf(c.req.raw.cf), client: clientIp ?? credential ?? "" };
}

function whereaboutsOf(cf: Request["cf"]): Whereabouts {
  const [continent, latitude, longitude] = [cf?.["continent"], cf?.["latitude"], cf?.["longitude"]].map((text) =>
    typeof text === "string" ? text : undefined,
  );
  return { continent, latitude, longitude };
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
