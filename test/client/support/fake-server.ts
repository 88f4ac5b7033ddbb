import { expect } from "vitest";
import { decodeClientMessage } from "../../../src/protocol/client-messages.ts";
import { finishSteps } from "../../../src/protocol/long-json.ts";
import { encodeAuthorized, encodeError, encodeHello } from "../../../src/protocol/server-messages.ts";
import { pack } from "../../../src/protocol/msgpack-frames.ts";
import { parsePosition } from "../../../src/protocol/position.ts";
import type { Update } from "../../../src/protocol/update.ts";
import type { Sink, Subscriber } from "../../../src/feed/fanout/subscriber.ts";
import { tokenExpiry } from "../../../src/connecting/token.ts";
import type { Link, LinkEvents, LinkRequest, Transport } from "../../../src/client/transport.ts";
import { FeedFixture } from "../../feed/fixture.ts";
import { subscriptionOf } from "../../feed/recording-subscriber.ts";
import type { AnySelection } from "../../../src/client/selection.ts";
import type { JsonObject } from "../../../src/protocol/json.ts";
import { cutTo, isWanted } from "../../support/view.ts";
import type { World } from "./world.ts";

type Frame = string | Uint8Array;
type Selected = Readonly<Record<"keys" | "fields", readonly string[]>>;
/** What happens to a message on its way; `write` makes a frame of it. */
export type Spoil = (text: string, write: (text: string) => Frame) => Frame[];

/** A real feed, behind a network that delays, cuts and swallows messages. */
export class FakeServer implements Transport {
  readonly name = "fake";
  readonly fixture: FeedFixture;
  readonly world: World;
  /** The feed's entries at every position that a client may show. */
  readonly history = new Map<string, Record<string, JsonObject>>();
  readonly openings: number[] = [];
  isUp = true;
  /** Whether it sends MessagePack. */
  isPacked = false;
  /** The valid token; undefined if none is needed. */
  token: string | undefined;
  /** Whether new connections swallow everything. */
  swallows = false;
  /** One way, in milliseconds. */
  delay = 5;
  /** What the client had selected for the message it receives now. */
  selected: Selected = { keys: [], fields: [] };
  links: FakeLink[] = [];
  #epochs = 1;

  /** `fixture`: that of another way to the same server. */
  constructor(world: World, fixture = new FeedFixture()) {
    this.world = world;
    this.fixture = fixture;
    this.note();
  }

  /** The link that the client holds. */
  get link(): FakeLink | undefined {
    return this.links.find((link) => link.isHeld);
  }

  open(request: LinkRequest, events: LinkEvents): Link {
    expect(this.link, "two links at a time").toBeUndefined();
    this.openings.push(this.world.now);
    const link = new FakeLink(this, request, events);
    link.isDead = this.swallows;
    this.links.push(link);
    link.open();
    return link;
  }

  publish(...updates: Update[]): void {
    this.fixture.now = this.world.now;
    this.fixture.publish(...updates);
    this.note();
    this.#schedule();
  }

  reset(): void {
    this.fixture.reset(`e${++this.#epochs}`);
    this.note();
  }

  /** Loses its memory and every connection. */
  restart(code: number): void {
    for (const link of this.links) link.end(code);
    this.fixture.rebuild([]);
  }

  note(): void {
    const { epoch, seq } = this.fixture.feed.position;
    this.history.set(`${epoch}:${seq}`, this.fixture.entries());
  }

  restricted(entries: Record<string, JsonObject>, { keys = [], fields = [] }: AnySelection): Record<string, unknown> {
    const wanted = Object.entries(entries).filter(([key]) => isWanted(keys, key));
    return Object.fromEntries(wanted.map(([key, value]) => [key, cutTo(value, fields)]));
  }

  /** Flushes when it is due. */
  #schedule(): void {
    const { due } = this.fixture;
    if (due === undefined) return;
    this.world.at(due, () => {
      this.fixture.now = this.world.now;
      if (due !== this.fixture.due) return;
      this.fixture.step();
      this.#schedule();
    });
  }
}

/** One connection, both of its ends. */
export class FakeLink implements Link {
  readonly server: FakeServer;
  readonly request: LinkRequest;
  /** The client has not closed it. */
  isHeld = true;
  /** Nothing comes through any more, without a close. */
  isDead = false;
  selected: Selected;
  /** How the next message to the client is spoiled. */
  spoil: Spoil | undefined;
  subscriber: Subscriber | undefined;
  readonly heard: string[] = [];
  readonly #events: LinkEvents;
  #isOver = false;
  /** An update was lost. The next one would show that; an answer to `subscribe`, which has no `from`, would hide it. */
  #isLossy = false;
  #arrival = 0;
  /** The selection from the answer to `subscribe` on. What comes before it is of the old one. */
  #wanted: Selected = { keys: [], fields: [] };

  constructor(server: FakeServer, request: LinkRequest, events: LinkEvents) {
    this.server = server;
    this.request = request;
    this.#events = events;
    const { keys = [], fields = [] } = request.selection;
    this.selected = { keys, fields };
  }

  // The client's end.

  open(): void {
    this.#travel(() => this.#accept());
  }

  send(text: string): void {
    this.#travel(() => this.#receive(text));
  }

  close(): void {
    expect(this.isHeld, "a link is closed twice").toBe(true);
    this.isHeld = false;
    this.#travel(() => this.#leave());
  }

  // The server's end.

  get subscription(): ReturnType<typeof subscriptionOf> {
    const { mode, hz } = this.request.selection;
    return subscriptionOf(this.selected.keys, mode, hz, this.selected.fields);
  }

  say(text: string): void {
    if (text.includes('"reason":"subscribe"')) {
      if (this.#isLossy) {
        this.end(1006);
        return;
      }
      this.selected = this.#wanted;
    }
    const { spoil, selected } = this;
    this.spoil = undefined;
    const write = (text: string): Frame => (this.server.isPacked && text !== "pong" ? pack(text) : text);
    const left = spoil?.(text, write) ?? [write(text)];
    if (left.length === 0) this.#isLossy = true;
    for (const sent of left) {
      this.#travel(() => {
        this.server.selected = selected;
        if (this.isHeld && !this.#isOver) this.#events.message(sent);
      });
    }
  }

  end(code: number): void {
    this.#leave();
    this.#travel(() => {
      if (!this.isHeld || this.#isOver) return;
      this.#isOver = true;
      this.#events.closed(code, "");
    });
  }

  #accept(): void {
    const { server, request } = this;
    if (!this.isHeld) return;
    if (!server.isUp || (server.token !== undefined && request.token !== server.token)) {
      this.end(1006);
      return;
    }
    this.say(encodeHello("stocks", server.fixture.feed));
    const since = request.since === undefined ? undefined : parsePosition(request.since);
    const sink: Sink = {
      account: "somebody",
      send: ({ text }) => this.say(text),
      clearPosition: () => {},
      backlog: () => 0,
      drop: () => this.end(4503),
    };
    this.subscriber = server.fixture.broadcast.subscribe(sink, this.subscription, since);
  }

  #receive(text: string): void {
    const { server } = this;
    this.heard.push(text);
    if (text === "ping") {
      this.say("pong");
      return;
    }
    const decoded = finishSteps(decodeClientMessage(text));
    if (!this.subscriber) return;
    if (!decoded.ok) {
      this.say(encodeError(decoded.id, decoded.code, decoded.reason));
      return;
    }
    const { message } = decoded;
    if (message.type === "subscribe") {
      const { patterns, fields } = message.subscription.selection;
      this.server.fixture.now = server.world.now;
      this.#wanted = { keys: patterns === "" ? [] : patterns.split(","), fields: fields?.id.split(",") ?? [] };
      server.fixture.broadcast.resubscribe(this.subscriber, message.subscription, message.id);
    } else if (message.type === "auth") {
      if (server.token === undefined || message.token === server.token)
        this.say(encodeAuthorized(message.id, tokenExpiry(message.token)));
      else this.end(4401);
    }
  }

  #leave(): void {
    if (this.subscriber) this.server.fixture.broadcast.unsubscribe(this.subscriber);
    this.subscriber = undefined;
  }

  /** Both directions have the delay, and keep the order. */
  #travel(arrive: () => void): void {
    const { world, delay } = this.server;
    this.#arrival = Math.max(this.#arrival, world.now + delay);
    world.at(this.#arrival, () => {
      if (!this.isDead) arrive();
    });
  }
}
