import { PROTOCOL, MSGPACK_PROTOCOL } from "../protocol/names.ts";
import { isBearerProtocol, offeredProtocols } from "./authentication.ts";
import type { AppContext } from "./context.ts";
import { isUpgrade } from "./upgrade.ts";
import { openFeedSocket, openPublisherSocket } from "./feed-socket.ts";
import { Problem } from "./problem.ts";
import { parameter, readSubscribeQuery } from "./query.ts";

const EXTENSIONS = "Sec-WebSocket-Extensions";
/**
 * A window of 4 KiB. Every socket compresses by itself, and the usual window of 32 KiB takes two and a half times the CPU
 * and 100 KB more for each socket, for messages that are an eighth shorter.
 */
const DEFLATE = "permessage-deflate; server_max_window_bits=12";
/** What a client may demand besides; the runtime itself keeps to a narrower window. */
const DEMANDS = ["server_no_context_takeover", "client_no_context_takeover"];

/** `GET /v1/feeds/{feed}` with `Upgrade: websocket` */
export async function openSocket(c: AppContext): Promise<Response> {
  const asked = readSubscribeQuery(c.var.query);
  const onlyPublishes = readOnlyPublishes(c.var.query);
  const protocol = chooseProtocol(offeredProtocols(c.req.raw));
  const format = protocol === MSGPACK_PROTOCOL ? "msgpack" : "json";
  const response = onlyPublishes
    ? await openPublisherSocket(c, format, protocol)
    : await openFeedSocket(c, asked, format, protocol);
  return chooseExtension(response, c.req.raw);
}

/** What a `GET` of a feed needs: a socket that only publishes reads nothing. */
export function grantToRead(c: AppContext): "publish" | "subscribe" {
  return isUpgrade(c.req.raw) && c.var.query.get("publish") === ONLY ? "publish" : "subscribe";
}

function readOnlyPublishes(query: URLSearchParams): boolean {
  const text = parameter(query, "publish");
  if (text === undefined || text === ONLY) return text === ONLY;
  throw new Problem("invalid_query", `publish is not ${ONLY}.`);
}

const ONLY = "only";

/** The subprotocol to use; undefined if the client offers none and gets the default. */
function chooseProtocol(offered: readonly string[]): string | undefined {
  const protocols = offered.filter((protocol) => !isBearerProtocol(protocol));
  if (protocols.length === 0) return undefined;
  const spoken = protocols.find((protocol) => protocol === PROTOCOL || protocol === MSGPACK_PROTOCOL);
  if (spoken !== undefined) return spoken;
  throw new Problem("unsupported_protocol", `The subprotocols spoken here are ${PROTOCOL} and ${MSGPACK_PROTOCOL}.`);
}

/** Names the compression. The runtime agrees only to what was offered, and not under `no_web_socket_compression`. */
function chooseExtension(response: Response, request: Request): Response {
  const offered = request.headers.get(EXTENSIONS);
  if (offered === null) return response;
  const headers = new Headers(response.headers);
  headers.set(EXTENSIONS, [DEFLATE, ...DEMANDS.filter((demand) => offered.includes(demand))].join("; "));
  return new Response(null, { status: response.status, webSocket: response.webSocket, headers });
}
