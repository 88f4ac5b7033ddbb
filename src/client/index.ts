import { connectFeed } from "./feed.ts";
import { runtime } from "./runtime.ts";
import { withQuery } from "./feed-url.ts";
import { webSocketTransport } from "./web-socket.ts";
import type { Transport } from "./transport.ts";
import type { Cut, Feed, FeedOptions, Field } from "./types.ts";

export { FeedClosedError } from "./errors.ts";
export type * from "./types.ts";

/**
 * Opens a live view of a feed. It connects at once, comes back whenever the connection is lost, and goes on until
 * `close()`. `T` is what the caller knows of the entries: nothing checks it. `F` are the `fields` of the options: of `T` the
 * entries have only these.
 *
 * @param base The server's URL, e.g. `https://feeds.example.com`.
 * @param feed The feed's name, e.g. `stocks`.
 * @throws {TypeError} if `base` is no absolute http URL, `feed` is no feed's name, or `keys` or `fields` are none. All that happens later shows in `status`.
 */
export function connect<T = Record<string, unknown>, const F extends Field<T> = never>(
  base: string | URL,
  feed: string,
  options: FeedOptions<F> = {},
): Feed<Cut<T, F>, T> {
  const Socket = options.WebSocket ?? globalThis.WebSocket;
  const http = [overHttp("events"), overHttp("polling")] as const;
  // Node has one from 22 on. Over HTTP, all but `format` is the same.
  const transports = Socket ? ([webSocketTransport(Socket, options.format), ...http] as const) : http;
  // The caller says what the entries are.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return connectFeed(base, feed, options, { runtime, transports }) as unknown as Feed<Cut<T, F>, T>;
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
