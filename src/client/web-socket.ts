import { PROTOCOL } from "../protocol/messages.ts";
import { withQuery } from "./address.ts";
import type { Transport } from "./transport.ts";
// Nobody else has the socket, and so all listeners are taken away at once.
/* oxlint-disable unicorn/prefer-add-event-listener */

export function webSocketTransport(Socket: typeof WebSocket): Transport {
  return {
    open({ feed, selection, since, token }, { opened, text, closed }) {
      // A subprotocol may have few characters only; these are what tokens are made of.
      const offered = token && /^[\w.~-]+$/.test(token);
      const url = withQuery(feed, selection, { since, token: offered ? undefined : token });
      const socket = new Socket(url.href.replace("http", "ws"), offered ? [PROTOCOL, `bearer.${token}`] : [PROTOCOL]);
      socket.onopen = opened;
      socket.onmessage = ({ data }) => typeof data === "string" && text(data);
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
