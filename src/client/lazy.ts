import { withQuery } from "./feed-url.ts";
import { platform } from "./runtime.ts";
import type { Transport } from "./transport.ts";

/** A transport whose code is only loaded where it is needed: most clients never do. */
export function overHttp(way: "events" | "polling"): Transport {
  return {
    open(request, events) {
      const link = import("./over-http.ts")
        .then(({ [way]: open }) => open({ ...request, platform, withQuery }, events))
        // Where it does not come, the attempt does not open in time.
        .catch(() => {});
      return {
        send: (message) => void link.then((link) => link?.send(message)),
        // One that is closed before it was there is opened and closed at once: nothing is told of it.
        close: () => void link.then((link) => link?.close()),
      };
    },
  };
}
