import { CLOSE } from "../protocol/codes.ts";
import type { AppContext } from "./context.ts";
import { acceptFeedSocket } from "./feed-socket.ts";
import type { SubscribeQuery } from "./query.ts";

/** A message that says that something has changed: an update that holds one, or a snapshot. */
const CHANGE = /^\{"type":"(?:snapshot"|update"(?!.{0,160}"updates":\[\]\}$))/s;

/**
 * Ends when something that the caller selects changes after `asked.since`, or after so many milliseconds; true if it
 * did. Waits on a socket to the feed's object, which may sleep meanwhile.
 */
export async function awaitChange(c: AppContext, asked: SubscribeQuery, ms: number): Promise<boolean> {
  const socket = await acceptFeedSocket(c, asked);
  try {
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      const settle = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      socket.addEventListener("message", ({ data }) => {
        if (typeof data === "string" && CHANGE.test(data)) settle();
      });
      // Whatever ended it: asking the feed once more tells what is so.
      socket.addEventListener("close", settle);
      // Nobody waits for the answer any more: its place is free.
      const { signal } = c.req.raw;
      signal.addEventListener("abort", settle);
      if (signal.aborted) settle();
    });
  } finally {
    socket.close(CLOSE.normal);
  }
}
