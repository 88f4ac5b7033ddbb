import { FeedClosedError } from "./errors.ts";
import { firstStatus } from "./first-status.ts";
import type { Loaded } from "./initial.ts";
import type { OpenSource, Source, UserEvent } from "./source.ts";

/**
 * A source whose code is still being loaded. Until it is there, there is what the feed begins with, and what its user asks
 * for waits.
 */
export function openLater(loading: Promise<OpenSource>, initial: Loaded | undefined, now: () => number): OpenSource {
  return (listener) => {
    const asked: UserEvent[] = [];
    const entries = initial?.entries ?? new Map<string, never>();
    let status = firstStatus(initial ? "recovering" : "connecting", now());
    let source: Source | undefined;
    void loading.then((open) => {
      if (status.state === "closed") return;
      source = open(listener);
      for (const event of asked) source.dispatch(event);
    });

    return {
      get entries() {
        return source?.entries ?? entries;
      },
      get position() {
        return source?.position;
      },
      get changedAt() {
        return source ? source.changedAt : initial?.time;
      },
      get exists() {
        return source?.exists;
      },
      get status() {
        return source?.status ?? status;
      },
      get latency() {
        return source?.latency;
      },
      get connections() {
        return source?.connections ?? 0;
      },
      publish: async (updates) => {
        await loading;
        if (!source) throw new FeedClosedError(status.reason, status.code);
        return source.publish(updates);
      },
      dispatch(event) {
        if (source) source.dispatch(event);
        else if (event.type !== "close") asked.push(event);
        else if (status.state !== "closed") {
          status = { ...status, state: "closed", reason: "closed", since: now() };
          listener.status(status);
          listener.done();
        }
      },
    };
  };
}
