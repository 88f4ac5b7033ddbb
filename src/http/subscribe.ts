import { PROTOCOL, MSGPACK_PROTOCOL } from "../protocol/names.ts";
import { authenticate, demand, isBearerProtocol, offeredProtocols } from "./credentials.ts";
import { openFeedSocket } from "./feed-socket.ts";
import type { FeedAppOptions, FeedContext } from "./options.ts";
import { demandOrigin } from "./origins.ts";
import { Problem } from "./problem.ts";
import { readSubscribeQuery } from "./query.ts";

const EXTENSIONS = "Sec-WebSocket-Extensions";
/**
 * A window of 4 KiB. Every socket compresses by itself, and with the usual 32 KiB that takes two and a half times the CPU
 * and 100 KB more a socket, for messages that are an eighth shorter.
 */
const DEFLATE = "permessage-deflate; server_max_window_bits=12";
/** What a client may demand besides; a narrower window is kept to by the runtime. */
const DEMANDS = ["server_no_context_takeover", "client_no_context_takeover"];

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
  const answer = await openFeedSocket(c, options, caller, asked, chooseProtocol(offeredProtocols(request)));
  return chooseExtension(answer, request);
}

/** The subprotocol to speak; nothing where the client offered none and gets the default. */
function chooseProtocol(offered: readonly string[]): string | undefined {
  const protocols = offered.filter((protocol) => !isBearerProtocol(protocol));
  if (protocols.length === 0) return undefined;
  const spoken = protocols.find((protocol) => protocol === PROTOCOL || protocol === MSGPACK_PROTOCOL);
  if (spoken !== undefined) return spoken;
  throw new Problem("unsupported_protocol", `The subprotocols spoken here are ${PROTOCOL} and ${MSGPACK_PROTOCOL}.`);
}

/**
 * The answer to an upgrade, with how its messages may be compressed. The runtime agrees to what was offered only, and to
 * nothing where the deployment has the flag `no_web_socket_compression`.
 */
function chooseExtension(answer: Response, request: Request): Response {
  const offered = request.headers.get(EXTENSIONS);
  if (offered === null) return answer;
  const headers = new Headers(answer.headers);
  headers.set(EXTENSIONS, [DEFLATE, ...DEMANDS.filter((demand) => offered.includes(demand))].join("; "));
  return new Response(null, { status: answer.status, webSocket: answer.webSocket, headers });
}
