import { openConnection, type Environment } from "./connection/connection.ts";
import { isEqual } from "./equal.ts";
import { createFeed } from "./feed.ts";
import { feedUrl } from "./feed-url.ts";
import { firstStatus } from "./first-status.ts";
import { readInitial } from "./initial.ts";
import { openLater } from "./late-source.ts";
import { cutter, keyFilter, normaliseSelection } from "./selection.ts";
import type { joinConnection } from "./sharing/shared-feeds.ts";
import type { JsonObject } from "../protocol/json.ts";
import type { OpenSource } from "./source.ts";
import type { Feed, FeedOptions } from "./types.ts";

type Join = typeof joinConnection;

/**
 * A feed that shares its connection with others. `join` is the code for it, which may still have to be loaded; if that fails,
 * the feed has a connection of its own. `credential`: what the credentials of all who share are compared by.
 */
export function shareFeed(
  base: string | URL,
  name: string,
  options: FeedOptions<string>,
  environment: Environment,
  join: Join | Promise<Join>,
  credential: unknown = options.token,
): Feed<JsonObject> {
  const { runtime } = environment;
  const url = feedUrl(base, name);
  const selection = normaliseSelection(options);
  const initial = options.initial && readInitial(options.initial, selection);
  const openAlone: OpenSource = (listener) => openConnection(url, options, environment, listener);
  const openShared = (join: Join): OpenSource =>
    join({
      url,
      options,
      credential,
      selection,
      entries: initial?.entries,
      open: (merged, listener) => openConnection(url, merged, environment, listener),
      tools: { runtime, isEqual, keyFilter, cutter, firstStatus },
    });
  return createFeed(
    name,
    runtime,
    join instanceof Promise
      ? openLater(
          join.then(openShared, () => openAlone),
          initial,
          runtime.now,
        )
      : openShared(join),
  );
}
