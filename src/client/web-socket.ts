import { PROTOCOL } from "../protocol/messages.ts";
import { withQuery } from "./address.ts";
import type { Transport } from "./transport.ts";
import type { MessageFormat } from "./types.ts";
// Nobody else has the socket, and so all listeners are taken away at once.
/* oxlint-disable unicorn/prefer-add-event-listener */

export function webSocketTransport(Socket: typeof WebSocket, format?: MessageFormat): Transport {
  return {
    open({ feed, selection, since, token }, { opened, message, closed }) {
      // A subprotocol may have few characters only; these are what tokens are made of.
      const offered = token && /^[\w.~-]+$/.test(token);
      const url = withQuery(feed, selection, { since, token: offered ? undefined : token });
      const protocol = format?.protocol ?? PROTOCOL;
      const socket = new Socket(url.href.replace("http", "ws"), offered ? [protocol, `bearer.${token}`] : [protocol]);
      socket.binaryType = "arraybuffer";
      socket.onopen = opened;
      socket.onmessage = ({ data }) => message(typeof data === "string" ? data : new Uint8Array(data));
      socket.onclose = ({ code, reason }) => closed(code, reason);
      // A `close` follows. Without a listener some implementations would throw.
      socket.onerror = () => {};
      return {
        send: (message) => socket.send(message),
        close() {
          socket.onopen = socket.onmessage = socket.onclose = null;
          socket.close();
        },
      };
    },
  };
}
