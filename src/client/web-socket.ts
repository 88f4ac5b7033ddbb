import { openSocket, type SocketClass } from "../connecting/socket.ts";
import { PROTOCOL } from "../protocol/names.ts";
import { withQuery } from "./feed-url.ts";
import type { Transport } from "./transport.ts";
import type { MessageFormat } from "./types.ts";

export function webSocketTransport(Socket: SocketClass, format?: MessageFormat): Transport {
  return {
    isTwoWay: true,
    open: ({ feed, selection, since, token }, events) =>
      openSocket(
        Socket,
        { url: withQuery(feed, selection, { since }), protocol: format?.protocol ?? PROTOCOL, token },
        events,
      ),
  };
}
