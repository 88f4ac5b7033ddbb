import { PROTOCOL } from "../protocol/names.ts";
import { withQuery } from "./feed-url.ts";
import type { Transport } from "./transport.ts";
import type { MessageFormat } from "./types.ts";
// Only this file has the socket: assigning `null` removes its one listener.
/* oxlint-disable unicorn/prefer-add-event-listener */

/** Seconds that a socket may be closing before it counts as closed. Its close code comes at the end of that. */
const MAX_CLOSING = 2;

export function webSocketTransport(Socket: typeof WebSocket, format?: MessageFormat): Transport {
  return {
    open({ feed, selection, since, token }, { message, closed }) {
      const url = withQuery(feed, selection, { since });
      const socket = new Socket(url.href.replace("http", "ws"), [
        format?.protocol ?? PROTOCOL,
        // Logs have URLs, but not this header.
        ...(token ? [`bearer.${subprotocolOf(token)}`] : []),
      ]);
      let closingFor = 0;
      const end = (code: number, reason: string): void => {
        release();
        closed(code, reason);
      };
      // When a server closes and then does not hang up, some implementations never say so (Node), others after a while.
      const watch = setInterval(() => socket.readyState > 1 && ++closingFor > MAX_CLOSING && end(1006, ""), 1000);
      const release = (): void => {
        clearInterval(watch);
        socket.onopen = socket.onmessage = socket.onclose = null;
      };
      socket.binaryType = "arraybuffer";
      // When workerd closes a connection, it only ends if the client has sent something before. The first pong only answers this.
      socket.onopen = () => socket.send("ping");
      let isAnswered = false;
      socket.onmessage = ({ data }) => {
        if (data === "pong" && !isAnswered) isAnswered = true;
        else message(typeof data === "string" ? data : new Uint8Array(data));
      };
      socket.onclose = ({ code, reason }) => end(code, reason);
      // A `close` event follows. Without a listener some implementations would throw.
      socket.onerror = () => {};
      return {
        send: (message) => socket.send(message),
        // Does not wait for the server's answer: it may never come.
        close() {
          release();
          socket.close();
        },
      };
    },
  };
}

/** A subprotocol may have few characters only. JWTs consist of them; keys like those of `openssl rand -base64` do not. */
function subprotocolOf(token: string): string {
  if (/^(?!base64url\.)[\w!#$%&'*+.^`|~-]+$/.test(token)) return token;
  return `base64url.${btoa(token).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}
