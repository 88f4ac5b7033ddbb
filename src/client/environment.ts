import { runtime } from "./runtime.ts";
import { withQuery } from "./feed-url.ts";
import { webSocketTransport } from "./web-socket.ts";
import type { Environment } from "./connection/connection.ts";
import type { Transport } from "./transport.ts";
import type { FeedOptions } from "./types.ts";

/** What connections run on here. */
export function environmentOf({ WebSocket, format }: FeedOptions<string>): Environment {
  const Socket = WebSocket ?? globalThis.WebSocket;
  const http = [overHttp("events"), overHttp("polling")] as const;
  // Node has one from 22 on. Over HTTP, all but `format` is the same.
  return { runtime, transports: Socket ? [webSocketTransport(Socket, format), ...http] : http };
}

/** A transport whose code is loaded when it is first used: most clients never do. */
function overHttp(kind: "events" | "polling"): Transport {
  return {
    open(request, events) {
      const link = import("./over-http.ts")
        .then(({ [kind]: open }) => open({ ...request, runtime, withQuery }, events))
        // Without the code, the attempt does not open in time.
        .catch(() => {});
      return {
        send: (message) => void link.then((link) => link?.send(message)),
        // A link that is closed before its code is there is opened and closed at once: it calls nothing.
        close: () => void link.then((link) => link?.close()),
      };
    },
  };
}
