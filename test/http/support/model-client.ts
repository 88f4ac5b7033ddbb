import { expect } from "vitest";
import type { Mode } from "../../../src/protocol/codes.ts";
import { bearer, PUBLISH_KEY } from "../../support/api.ts";
import { messageOf } from "./answers.ts";
import { CarriedView } from "./carried-view.ts";
import { judge } from "./judge.ts";
import type { FeedModel } from "./feed-model.ts";
import { openSocket, readStream, type Connection } from "./connections.ts";
import type { SharedCache } from "./shared-cache.ts";
import type { Interest, Opening, Reading, Selected } from "./steps.ts";

type Transport = Opening["over"] | "read" | "poll";

/** A client that changes from one transport to another, and takes nothing along but its view and its position. */
export class ModelClient {
  readonly mode: Mode;
  view: CarriedView;
  /** What happened on the way: a property is worth something only where all of it did. */
  readonly seen: Set<string>;
  #connection: Connection | undefined;
  #over: Transport = "read";
  #judged = 0;
  #messages = 0;
  readonly #feed: string;
  readonly #model: FeedModel;
  readonly #hz: number | undefined;

  constructor(feed: string, model: FeedModel, seen: Set<string>, { mode, hz, ...selected }: Interest) {
    this.#feed = feed;
    this.#model = model;
    this.seen = seen;
    this.mode = mode;
    this.#hz = hz;
    this.view = new CarriedView(selected);
  }

  async open(cache: SharedCache, { over, cut, selected: asks, byQuery = false }: Opening): Promise<void> {
    await this.drop();
    this.#over = over;
    const isStream = over === "events";
    const messages = isStream ? undefined : cut;
    const view = this.#carry({ ...(asks && { asks }), ...(messages !== undefined && { messages }) });
    const names = isStream && !byQuery && view.resumes;
    const query = this.#query(names ? undefined : view.at);
    if (isStream) {
      const headers = { Accept: "text/event-stream", ...(names && { "Last-Event-ID": view.at! }) };
      const response = await cache.fetch(this.#path(query), headers);
      this.#connection = await readStream(response, view, cut === undefined ? undefined : cut * 100);
    } else this.#connection = await openSocket(this.#feed, query, view, over === "packed");
  }

  /** Lets go of its connection, whatever is on the way. */
  async drop(): Promise<void> {
    await this.#connection?.drop();
    this.#connection = undefined;
    this.judge();
  }

  /** Selects something else over its connection, if it has one that takes messages. */
  async select(asks: Selected): Promise<void> {
    const { view } = this;
    if (!this.#connection?.send || view.isCut) return;
    await view.until(() => view.isAnswered, "the first answer");
    if (view.isCut) return;
    view.ask(asks);
    const id = ++this.#messages;
    this.#connection.send({ type: "subscribe", id, ...asks, mode: this.mode, ...(this.#hz && { hz: this.#hz }) });
    await view.until(() => view.received.some(({ message }) => message.id === id && !message.more), "the answer");
  }

  /** Reads once, over HTTP; with `wait`, as soon as there is something. */
  async read(cache: SharedCache, { plain, known, unlessSame, lost }: Reading, wait?: string): Promise<void> {
    await this.drop();
    this.#over = wait === undefined ? "read" : "poll";
    const isPlain = plain || !this.view.position;
    const view = this.#carry({ anew: isPlain });
    const query = this.#query(isPlain ? undefined : view.at, wait);
    const headers = {
      ...(known && bearer(PUBLISH_KEY)),
      ...(isPlain && unlessSame && view.at !== undefined && { "If-None-Match": `"${view.at}"` }),
    };
    const response = await cache.fetch(this.#path(query), headers);
    if (lost) {
      view.cut();
      await response.body?.cancel();
      return;
    }
    const message = await messageOf(response, view, isPlain);
    if (message) view.apply(message);
    expect(response.headers.get("ETag"), "the position after the answer").toBe(`"${view.at}"`);
  }

  /** Waits until it has all that was published, or its connection is cut. */
  async catchUp(): Promise<void> {
    const { view } = this;
    if (!this.#connection) return;
    await view.until(() => view.isAnswered, "the first answer");
    const epoch = this.#model.present?.epoch;
    const seq = this.#model.lastSeqOf(view.selected);
    await view.until(
      () => epoch === undefined || (view.position?.epoch === epoch && view.position.seq >= seq),
      `${epoch}:${seq} of ${JSON.stringify(view.selected)}`,
    );
  }

  /** All that it has received until now is right. Everything that was published must be in the model. */
  judge(): void {
    const { view, seen } = this;
    view.check();
    for (const received of view.received.slice(this.#judged)) {
      judge(this.#model, received, this.mode);
      const { type, reason, skipped = 0, more, updates = [] } = received.message;
      seen.add(`${this.#over}: ${type}`).add(reason ?? type);
      if (skipped > 0) seen.add("skipped");
      if (more) seen.add("part of a snapshot");
      if (view.resumes && updates.length > 0) seen.add(`${this.#over}: missed updates`);
    }
    this.#judged = view.received.length;
    if (view.isCut) seen.add(`${this.#over}: cut`);
  }

  #carry(how: ConstructorParameters<typeof CarriedView>[2]): CarriedView {
    this.view = new CarriedView(this.view.selected, this.view, how);
    this.#judged = 0;
    return this.view;
  }

  #query(since: string | undefined, wait?: string): string {
    const { resumes, asks } = this.view;
    const query = new URLSearchParams({ mode: this.mode });
    if (asks.keys.length > 0) query.set("keys", asks.keys.join(","));
    if (asks.fields.length > 0) query.set("fields", asks.fields.join(","));
    if (this.#hz !== undefined) query.set("hz", String(this.#hz));
    if (since !== undefined && resumes) query.set("since", since);
    if (wait !== undefined) query.set("wait", wait);
    return `?${query.toString()}`;
  }

  #path(query: string): string {
    return `/v1/feeds/${this.#feed}${query}`;
  }
}
