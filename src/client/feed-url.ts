import type { AnySelection } from "./selection.ts";

/** (contract) The names that feeds may have. */
const FEED_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/**
 * The URL of a feed over HTTP. `base` is where the server is mounted, `http(s):` or `ws(s):`; its query is dropped. Throws
 * a `TypeError` if it is no absolute URL of these, or `feed` is no feed's name.
 */
export function feedUrl(base: string | URL, feed: string): URL {
  const given: unknown = feed;
  if (typeof given !== "string" || !FEED_NAME.test(given)) {
    throw new TypeError(
      `feed is ${JSON.stringify(given)}: a name has 1 to 64 of a-z 0-9 . _ -, first a letter or digit`,
    );
  }
  const url = new URL(base);
  url.protocol = url.protocol.replace("ws", "http");
  if (!url.href.startsWith("http")) throw new TypeError("base is not an http address");
  url.search = url.hash = "";
  url.pathname = url.pathname.replace(/\/*$/, `/v1/feeds/${feed}`);
  return url;
}

/** The feed's URL with a selection, and more parameters, in its query. */
export function withQuery(
  feed: URL,
  selection: AnySelection,
  more?: Readonly<Record<string, string | undefined>>,
): URL {
  const url = new URL(feed);
  for (const [name, value] of Object.entries({ ...selection, ...more })) {
    // Keys and fields are joined by commas.
    const text = String(value ?? "");
    if (text) url.searchParams.set(name, text);
  }
  return url;
}
