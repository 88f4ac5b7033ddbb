import { isDeepStrictEqual } from "node:util";
import type { JsonObject } from "../../../src/protocol/json.ts";
import { clock, pause } from "../load/clock.ts";

/** A reader's view of a feed. */
export interface View {
  readonly position: { readonly epoch: string; readonly seq: number } | undefined;
  readonly entries: ReadonlyMap<string, JsonObject>;
}

/** A feed as a `GET` shows it. */
export interface ShownFeed {
  readonly epoch: string;
  readonly seq: number;
  readonly entries: Readonly<Record<string, JsonObject>>;
}

/** A clock in milliseconds, and a way to let time pass. */
export interface Time {
  readonly now: () => number;
  readonly pause: (milliseconds: number) => Promise<void>;
}

/** Milliseconds between two comparisons while a view is behind. */
const LOOK_EVERY = 20;
/** Keys to name where entries differ. */
const NAMED = 5;

/**
 * Compares a view with its feed until both agree at one position. Returns what differs, or undefined. The view may be
 * ahead of or behind the feed, because others still publish: then it compares again, until `until`.
 */
export async function differenceBetween(
  view: View,
  readFeed: () => Promise<ShownFeed>,
  until: number,
  time: Time = { now: clock, pause },
): Promise<string | undefined> {
  for (let last = "the feed was not read"; ; await time.pause(LOOK_EVERY)) {
    try {
      const feed = await readFeed();
      while (isBehind(view, feed) && time.now() < until) await time.pause(LOOK_EVERY);
      // At one position there is one state: a difference here is final.
      if (isAt(view, feed)) return entriesDiffer(view, feed);
      last = `it is at ${nameOf(view.position)}, the feed at ${nameOf(feed)}`;
    } catch (error) {
      // The server may be busy.
      last = String(error);
    }
    if (time.now() >= until) return last;
  }
}

function isBehind({ position }: View, feed: ShownFeed): boolean {
  return position === undefined || position.epoch !== feed.epoch || position.seq < feed.seq;
}

function isAt({ position }: View, feed: ShownFeed): boolean {
  return position?.epoch === feed.epoch && position.seq === feed.seq;
}

function nameOf(position: View["position"]): string {
  return position ? `${position.epoch}:${position.seq}` : "nowhere";
}

function entriesDiffer({ entries }: View, feed: ShownFeed): string | undefined {
  const shown = new Map(Object.entries(feed.entries));
  const keys = new Set([...shown.keys(), ...entries.keys()]);
  const differing = Array.from(keys).filter((key) => !isDeepStrictEqual(entries.get(key), shown.get(key)));
  if (differing.length === 0) return undefined;
  const named = differing.slice(0, NAMED).join(", ");
  return `at ${nameOf(feed)} ${differing.length} of ${keys.size} entries are not the feed's: ${named}`;
}
