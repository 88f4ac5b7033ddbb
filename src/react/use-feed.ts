import { useEffect, useRef, useState } from "react";
import { connect, type Feed, type FeedOptions } from "../client/index.ts";

/** A feed with the question that it is the answer to. */
interface Opened<T> {
  readonly address: string;
  readonly feed: Feed<T>;
}

/**
 * A feed for as long as the component is there: connected once it is mounted, closed when it goes. None yet in the first
 * render, on a server, and in the render in which another feed is asked for; the hooks that read take that as well.
 *
 * Options are compared by value, so they may be written where they are used. Another `keys`, `hz` or `mode` is selected on the
 * live connection; another address, credential, `format` or `staleAfter` makes a new one. Of a `token` function the last
 * one given is asked, and that it is another function changes nothing.
 */
export function useFeed<T = Record<string, unknown>>(
  base: string | URL,
  name: string,
  options: FeedOptions = {},
): Feed<T> | undefined {
  const { keys, hz, mode, staleAfter, format } = options;
  const credential = typeof options.token === "function" ? { asked: true } : { given: options.token };
  const address = JSON.stringify([String(base), name, staleAfter, format?.protocol, credential]);
  const selection = JSON.stringify([keys, hz, mode]);

  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });

  const [opened, setOpened] = useState<Opened<T>>();
  const selected = useRef(selection);
  useEffect(() => {
    const feed = connect<T>(base, name, { ...latest.current, token: tokenOf(latest) });
    selected.current = JSON.stringify([latest.current.keys, latest.current.hz, latest.current.mode]);
    setOpened({ address, feed });
    return () => feed.close();
    // `base` and `name` are in the address, which compares them by value.
  }, [address]);

  // What another address showed must not be seen under this one, not even for one render.
  const feed = opened?.address === address ? opened.feed : undefined;
  useEffect(() => {
    if (feed === undefined || selected.current === selection) return;
    selected.current = selection;
    const { keys, hz, mode } = latest.current;
    // Where it comes to nothing, the feed's status says why.
    feed.select({ keys, hz, mode }).catch(() => {});
  }, [feed, selection]);
  return feed;
}

function tokenOf(latest: { readonly current: FeedOptions }): FeedOptions["token"] {
  const { token } = latest.current;
  if (typeof token !== "function") return token;
  return () => {
    const { token } = latest.current;
    return typeof token === "function" ? token() : token;
  };
}
