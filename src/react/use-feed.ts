import { useEffect, useRef, useState } from "react";
import { environmentOf } from "../client/environment.ts";
import { connectFeed } from "../client/feed.ts";
import { shareFeed } from "../client/share.ts";
import { joinConnection } from "../client/sharing/shared-feeds.ts";
import type { OpenFeed } from "../client/open-feed.ts";
import type { FeedOptions } from "../client/types.ts";
import { initialFeed, noteInitial, type AnyFeed } from "./initial-feed.ts";

/** A feed, and what it was connected with. */
interface OpenedFeed {
  readonly identity: string;
  readonly feed: AnyFeed;
}

/** The options as they were last rendered. */
interface Latest {
  readonly current: FeedOptions<string>;
}

/** What credentials that are functions are compared by: written where they are used, they differ in every render. */
const ANY_FUNCTION = {};

/**
 * A feed for as long as the component is mounted: connected after the first render, closed when the component goes. Undefined
 * in the first render, on a server, and in the render that asks for another feed; the hooks that read a feed take that too.
 * With `initial` there is a feed from the first render on, with these entries.
 *
 * All components that use the same feed share one connection, unless `share` is false. Each has its own keys and fields.
 *
 * Options are compared by value, so they may be written where they are used. Another `keys`, `fields` or `hz` is selected on
 * the live connection; another URL, name, credential, `mode`, `format`, `staleAfter` or `silentAfter` makes a new feed. All `token` functions
 * count as the same credential, of which the newest is called.
 */
export const useFeed: OpenFeed<undefined> = (base: string | URL, name: string, options: FeedOptions<string> = {}) => {
  const { keys, fields, hz, mode, staleAfter, silentAfter, format, share } = options;
  const credential = typeof options.token === "function" ? { isFunction: true } : { token: options.token };
  const identity = JSON.stringify([
    String(base),
    name,
    mode,
    staleAfter,
    silentAfter,
    format?.protocol,
    share,
    credential,
  ]);
  const selection = JSON.stringify([keys, fields, hz]);

  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });

  const [opened, setOpened] = useState<OpenedFeed | undefined>(() => {
    const feed = initialFeed(name, options);
    return feed && { identity, feed };
  });
  useEffect(() => {
    const feed = open(base, name, latest);
    noteInitial(feed, opened?.identity === identity ? opened.feed : undefined);
    setOpened({ identity, feed });
    return () => feed.close();
    // `identity` has `base` and `name`, compared by value.
  }, [identity]);

  // The entries of another feed must not be seen under this name, not even for one render.
  const feed = opened?.identity === identity ? opened.feed : undefined;
  useEffect(() => {
    const { keys, fields, hz, mode } = latest.current;
    // The one that it was connected with is no change to it. If this fails, the feed's status says why.
    feed?.select({ keys, fields, hz, mode }).catch(() => {});
  }, [feed, selection]);
  // The caller says what the entries are.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return feed as unknown as never;
};

function open(base: string | URL, name: string, latest: Latest): AnyFeed {
  const { current } = latest;
  const isAsked = typeof current.token === "function";
  const options = { ...current, token: isAsked ? () => tokenOf(latest) : current.token };
  const environment = environmentOf(options);
  if (options.share === false) return connectFeed(base, name, options, environment);
  return shareFeed(base, name, options, environment, joinConnection, isAsked ? ANY_FUNCTION : options.token);
}

function tokenOf({ current: { token } }: Latest): ReturnType<Extract<FeedOptions["token"], () => unknown>> {
  return typeof token === "function" ? token() : token;
}
