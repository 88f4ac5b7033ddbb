import { CLOSE } from "../protocol/codes.ts";
import type { AppContext } from "./context.ts";
import { acceptFeedSocket } from "./feed-socket.ts";
import type { SubscribeQuery } from "./query.ts";

/**
 * Waits until something that the caller selects changes after `asked.since`, or for so many milliseconds. Returns whether
 * it may have changed. Waits on a socket to the feed's object, which can hibernate meanwhile.
 */
export async function awaitChange(c: AppContext, asked: SubscribeQuery, ms: number): Promise<boolean> {
  const socket = await acceptFeedSocket(c, asked, "signal");
  try {
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      const stop = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      socket.addEventListener("message", stop);
      // Whatever ended it, the next read tells what has changed.
      socket.addEventListener("close", stop);
      // The client is gone and waits no longer: its place becomes free.
      const { signal } = c.req.raw;
      signal.addEventListener("abort", stop);
      if (signal.aborted) stop();
    });
  } finally {
    socket.close(CLOSE.normal);
  }
}
