import { useEffect, useRef, useState } from "react";
import { connect, type Cut, type Feed, type FeedOptions, type Field } from "../client/index.ts";

/** A feed, and what it was connected with. */
interface OpenedFeed<T, F extends string> {
  readonly identity: string;
  readonly feed: Feed<Cut<T, F>, T>;
}

/**
 * A feed for as long as the component is mounted: connected after the first render, closed when the component goes. Undefined
 * in the first render, on a server, and in the render that asks for another feed; the hooks that read a feed take that too.
 *
 * Options are compared by value, so they may be written where they are used. Another `keys`, `fields`, `hz` or `mode` is selected on the
 * live connection; another URL, name, credential, `format` or `staleAfter` makes a new one. Of `token` functions the last one
 * is called; another function makes no new connection.
 */
export function useFeed<T = Record<string, unknown>, const F extends Field<T> = never>(
  base: string | URL,
  name: string,
  options: FeedOptions<F> = {},
): Feed<Cut<T, F>, T> | undefined {
  const { keys, fields, hz, mode, staleAfter, format } = options;
  const credential = typeof options.token === "function" ? { isFunction: true } : { token: options.token };
  const identity = JSON.stringify([String(base), name, staleAfter, format?.protocol, credential]);
  const selection = JSON.stringify([keys, fields, hz, mode]);

  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });

  const [opened, setOpened] = useState<OpenedFeed<T, F>>();
  useEffect(() => {
    const feed = connect<T, F>(base, name, { ...latest.current, token: tokenOf(latest) });
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
  return feed;
}

function tokenOf(latest: { readonly current: FeedOptions<string> }): FeedOptions["token"] {
  const { token } = latest.current;
  if (typeof token !== "function") return token;
  return () => {
    const { token } = latest.current;
    return typeof token === "function" ? token() : token;
  };
}
