import { PROTOCOL } from "../protocol/names.ts";
import { withQuery } from "./feed-url.ts";
import type { Transport } from "./transport.ts";
import type { MessageFormat } from "./types.ts";
// Nobody else has the socket, and so all listeners are taken away at once.
/* oxlint-disable unicorn/prefer-add-event-listener */

/** Seconds for which a socket may be closing before it counts as closed: its close code comes with the end of that. */
const CLOSING = 2;

export function webSocketTransport(Socket: typeof WebSocket, format?: MessageFormat): Transport {
  return {
    open({ feed, selection, since, token }, { message, closed }) {
      const url = withQuery(feed, selection, { since });
      const socket = new Socket(url.href.replace("http", "ws"), [
        format?.protocol ?? PROTOCOL,
        // Here no log has it, as it would an address.
        ...(token ? [`bearer.${subprotocolOf(token)}`] : []),
      ]);
      let silent = 0;
      const gone = (code: number, reason: string): void => {
        leave();
        closed(code, reason);
      };
      // Where a server closes and then does not hang up, some implementations never say so (Node), others after a while.
      const watch = setInterval(() => socket.readyState > 1 && ++silent > CLOSING && gone(1006, ""), 1000);
      const leave = (): void => {
        clearInterval(watch);
        socket.onopen = socket.onmessage = socket.onclose = null;
      };
      socket.binaryType = "arraybuffer";
      // workerd ends a connection that it closes only where the client has once said something. The answer measures nothing.
      socket.onopen = () => socket.send("ping");
      let greeted = false;
      socket.onmessage = ({ data }) => {
        if (data === "pong" && !greeted) greeted = true;
        else message(typeof data === "string" ? data : new Uint8Array(data));
      };
      socket.onclose = ({ code, reason }) => gone(code, reason);
      // A `close` follows. Without a listener some implementations would throw.
      socket.onerror = () => {};
      return {
        send: (message) => socket.send(message),
        // The server's answer to it is not waited for: it may never come.
        close() {
          leave();
          socket.close();
        },
      };
    },
  };
}

/** A subprotocol may have few characters only: JWTs are made of them, keys like those of `openssl rand -base64` are not. */
function subprotocolOf(token: string): string {
  if (/^(?!base64url\.)[\w!#$%&'*+.^`|~-]+$/.test(token)) return token;
  return `base64url.${btoa(token).replace(/[+/=]/g, (char) => ({ "+": "-", "/": "_" })[char] ?? "")}`;
}
