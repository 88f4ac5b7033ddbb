import { createParser, type EventSourceMessage } from "eventsource-parser";
import { expect } from "vitest";
import { request } from "./api.ts";
import { View, type Message } from "./view.ts";

export interface ServerEvent {
  /** The event's type. */
  readonly event: string;
  /** The last event id: its own, or that of an earlier event. */
  readonly id: string;
  readonly data: string;
}

/** Reads Server-Sent Events, and keeps a view as the contract says. Fails the test if an event breaks continuity. */
export class EventReader {
  readonly events: ServerEvent[] = [];
  readonly view: View;
  retry: number | undefined;
  ended = false;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  readonly #parser = createParser({
    onId: (id) => void (this.#id = id),
    onRetry: (ms) => void (this.retry = ms),
    onEvent: (event) => this.#take(event),
    // The server writes no other fields.
    onError: (error) => expect.unreachable(error.message),
  });
  #id = "";

  constructor(response: Response, view = new View()) {
    this.#reader = response.body!.getReader();
    this.view = view;
  }

  static async open(
    feed: string,
    query = "",
    headers: Record<string, string> = {},
    view = new View(),
  ): Promise<EventReader> {
    const response = await request(`/v1/feeds/${feed}${query}`, {
      headers: { Accept: "text/event-stream", ...headers },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toMatch(/^text\/event-stream\b/);
    return new EventReader(response, view);
  }

  /** The position from which a client would resume. */
  get lastId(): string {
    return this.#id;
  }

  /** Reads until `condition` holds or the stream ends. */
  async until(condition: (reader: this) => boolean): Promise<this> {
    while (!condition(this) && !this.ended) {
      const { done, value } = await this.#reader.read();
      if (done) this.ended = true;
      else this.#parser.feed(this.#decoder.decode(value, { stream: true }));
    }
    expect(condition(this), JSON.stringify(this.events.slice(-3))).toBe(true);
    return this;
  }

  reaches(seq: number): Promise<this> {
    return this.until(({ view }) => (view.position?.seq ?? -1) >= seq && !view.partial);
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }

  #take({ event = "message", data }: EventSourceMessage): void {
    this.events.push({ event, id: this.#id, data });
    const message: Message = JSON.parse(data);
    expect(message.type).toBe(event);
    this.view.apply(message);
  }
}
