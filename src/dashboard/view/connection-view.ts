import type { Feed, FeedStatus } from "../../client/types.ts";
import { CLOSE } from "../../protocol/codes.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { formatClock, formatCount } from "../model/format.ts";
import { UpdateRate } from "../model/recent-values.ts";
import { STATE_LABELS, stateDetail, staleness } from "../model/status-words.ts";
import { byId, write, Sparkline } from "./dom.ts";

/** Seconds that the update rate is averaged over: short enough to follow the market, long enough to be read. */
const AVERAGED = 5;
/** Seconds that the line of the update rate covers. */
const SHOWN = 60;

/** Shows how the connection is, and how much comes over it. */
export class StatusView {
  readonly #feed: Feed<JsonObject>;
  readonly #rate: UpdateRate;
  readonly #line = new Sparkline(64, 18);
  /**
   * When the shown data was last known to be current. The loss of a connection may be noticed much later, so that moment
   * would be wrong.
   */
  #liveAt: number | undefined;

  constructor(feed: Feed<JsonObject>, now: number) {
    this.#feed = feed;
    this.#rate = new UpdateRate(SHOWN, now);
    byId("rate-line").append(this.#line.element);
    byId("retry").addEventListener("click", () => feed.reconnect());
  }

  /** Something came. `updates` is 0 for a snapshot. */
  count(updates: number, now: number): void {
    this.#liveAt = now;
    this.#rate.add(updates, now);
  }

  /** The connection's state has changed. */
  change(now: number): void {
    const { status } = this.#feed;
    if (status.state === "live") this.#liveAt = now;
    document.body.dataset["state"] = status.state;
    // Screen readers announce the label, but not the reason and the countdown beside it.
    write(byId("state"), STATE_LABELS[status.state]);
    byId("retry").hidden = ["live", "connecting"].includes(status.state);
    this.tick(now);
  }

  /** Shows what changes with time. */
  tick(now: number): void {
    const feed = this.#feed;
    write(byId("reason"), stateDetail(feed.status, now));
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

  /** Shows what changes with the table. `shown`: how many rows match the filter. */
  draw(shown: number): void {
    const { size, position } = this.#feed;
    if (position !== undefined) write(byId("position"), position);
    write(byId("count"), shown === size ? formatCount(size) : `${formatCount(shown)} of ${formatCount(size)}`);
  }
}

/** HTTP statuses and close codes after which another credential may help. */
const REFUSED = new Set<number>([401, 403, CLOSE.unauthorized, CLOSE.forbidden]);

/** Asks for a credential to read with, if the server wants one. It is kept until the page is closed, and nowhere else. */
export class CredentialForm {
  value: string | undefined;
  readonly #form = byId("credential-form");
  readonly #input = byId("credential", HTMLInputElement);

  constructor(onGiven: () => void) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.value = this.#input.value.trim() || undefined;
      this.#input.value = "";
      onGiven();
    });
  }

  show({ state, code }: FeedStatus): void {
    this.#form.hidden = state !== "closed" || code === undefined || !REFUSED.has(code);
  }
}
