import { expect } from "vitest";
import { request } from "./api.ts";
import { View, type Message } from "./view.ts";

export interface ServerEvent {
  /** The event's type. */
  readonly event: string;
  /** Where a client stands after it; what stood before where the event has none. */
  readonly id: string;
  readonly data: string;
}

/**
 * Reads Server-Sent Events as the WHATWG's standard has it, and keeps a view as the contract has it. It fails the test
 * where an event breaks continuity.
 */
export class EventReader {
  readonly events: ServerEvent[] = [];
  readonly comments: string[] = [];
  readonly view: View;
  retry: number | undefined;
  ended = false;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #rest = "";
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

  /** Where a client would come back. */
  get lastId(): string {
    return this.#id;
  }

  /** Reads until `condition` holds or the stream ends. */
  async until(condition: (reader: this) => boolean): Promise<this> {
    while (!condition(this) && !this.ended) {
      const { done, value } = await this.#reader.read();
      if (done) this.ended = true;
      else this.#take(this.#decoder.decode(value, { stream: true }));
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

  #take(text: string): void {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    for (const block of blocks) this.#dispatch(block.split("\n"));
  }

  #dispatch(lines: readonly string[]): void {
    let event = "message";
    const data: string[] = [];
    for (const line of lines) {
      const [, field = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (line.startsWith(":")) this.comments.push(line);
      else if (field === "event") event = value;
      else if (field === "data") data.push(value);
      else if (field === "id") this.#id = value;
      else if (field === "retry") this.retry = Number(value);
      else expect.unreachable(`no field of an event: ${line}`);
    }
    if (data.length === 0) return;
    this.events.push({ event, id: this.#id, data: data.join("\n") });
    const message: Message = JSON.parse(data.join("\n"));
    expect(message.type).toBe(event);
    this.view.apply(message);
  }
}
