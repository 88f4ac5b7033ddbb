import type { Feed } from "../../client/types.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { staleness, wordsOf } from "../model/status-words.ts";
import { byId, write } from "./dom.ts";
import { formatClock, formatCount } from "../model/format.ts";
import { Rate } from "../model/rate.ts";
import { Sparkline } from "./sparkline.ts";

/** Seconds averaged over: short enough to follow the market, long enough to be read. */
const AVERAGED = 5;
/** Seconds that the line of updates a second reaches back. */
const SHOWN = 60;

/** Says how the connection is, and how much comes over it. */
export class StatusView {
  readonly #feed: Feed<JsonObject>;
  readonly #rate: Rate;
  readonly #line = new Sparkline(64, 18);
  /** When what is shown was last known to be what the server has: not when the loss was noticed, which may be much later. */
  #liveAt: number | undefined;

  constructor(feed: Feed<JsonObject>, now: number) {
    this.#feed = feed;
    this.#rate = new Rate(SHOWN, now);
    byId("rate-line").append(this.#line.element);
    byId("retry").addEventListener("click", () => feed.reconnect());
  }

  /** Takes in what came; `updates` are none where it was a snapshot. */
  count(updates: number, now: number): void {
    this.#liveAt = now;
    this.#rate.add(updates, now);
  }

  /** The connection's state is another. */
  change(now: number): void {
    const { status } = this.#feed;
    if (status.state === "live") this.#liveAt = now;
    document.body.dataset["state"] = status.state;
    // The word is announced to screen readers; reason and countdown beside it are not.
    write(byId("state"), wordsOf(status, now).label);
    byId("retry").hidden = ["live", "connecting"].includes(status.state);
    this.tick(now);
  }

  /** What changes with time alone. */
  tick(now: number): void {
    const feed = this.#feed;
    write(byId("reason"), wordsOf(feed.status, now).detail);
    const age = staleness(feed.state, this.#liveAt, now);
    byId("stale").hidden = age === undefined;
    if (age !== undefined && this.#liveAt !== undefined) write(byId("as-of"), `${formatClock(this.#liveAt)}, ${age}`);
    const rate = this.#rate.over(AVERAGED, now);
    write(byId("rate"), rate >= 100 ? formatCount(Math.round(rate)) : rate.toFixed(1));
    this.#line.draw(this.#rate.past(SHOWN, now), false, 0);
    const { latency, counters } = feed;
    write(
      byId("latency"),
      latency === undefined ? "–" : `${latency < 10 ? latency.toFixed(1) : Math.round(latency)} ms`,
    );
    write(byId("merged"), formatCount(counters.skipped));
    write(byId("connections"), formatCount(counters.connections));
  }

  /** What is drawn with the table. */
  draw(shown: number): void {
    const { size, position } = this.#feed;
    if (position !== undefined) write(byId("position"), position);
    write(byId("count"), shown === size ? formatCount(size) : `${formatCount(shown)} of ${formatCount(size)}`);
  }
}
