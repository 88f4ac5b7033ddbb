import { createParser, type EventSourceMessage } from "eventsource-parser";
import { Deviation } from "./assertions.ts";
import { View, type Message } from "./view.ts";

export interface ServerEvent {
  readonly type: string;
  /** The last event id: its own, or that of an earlier event. */
  readonly id: string;
  readonly message: Message;
}

/** A client of Server-Sent Events. */
export class Events {
  readonly contentType: string;
  readonly events: ServerEvent[] = [];
  readonly view = new View();
  readonly #abort: AbortController;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #parser = createParser({
    onId: (id) => void (this.#id = id),
    onEvent: (event) => this.#take(event),
  });
  #id = "";

  private constructor(response: Response, body: ReadableStream<Uint8Array<ArrayBuffer>>, abort: AbortController) {
    this.contentType = response.headers.get("Content-Type") ?? "";
    this.#abort = abort;
    this.#reader = body.pipeThrough(new TextDecoderStream()).getReader();
  }

  static async open(url: string, headers: Record<string, string>): Promise<Events> {
    const abort = new AbortController();
    const response = await fetch(url, { headers: { Accept: "text/event-stream", ...headers }, signal: abort.signal });
    if (response.status !== 200 || !response.body) throw new Deviation("a stream", 200, response.status);
    return new Events(response, response.body, abort);
  }

  /** Reads until `condition` holds. */
  async until(what: string, condition: () => boolean, ms = 8_000): Promise<void> {
    const timer = setTimeout(() => this.#abort.abort(), ms);
    try {
      while (!condition()) {
        const { done, value } = await this.#reader.read();
        if (done) throw new Deviation("a stream", what, "its end");
        this.#parser.feed(value);
      }
    } catch (error) {
      if (error instanceof Deviation || !this.#abort.signal.aborted) throw error;
      throw new Deviation("a stream", what, this.events.slice(-3));
    } finally {
      clearTimeout(timer);
    }
  }

  reaches(seq: number): Promise<void> {
    return this.until(`position ${seq}`, () => this.view.seq >= seq && !this.view.partial);
  }

  close(): void {
    this.#abort.abort();
  }

  #take({ event: type = "message", data }: EventSourceMessage): void {
    const message: Message = JSON.parse(data);
    this.events.push({ type, id: this.#id, message });
    this.view.apply(message);
  }
}
