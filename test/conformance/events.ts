import { Deviation } from "./check.ts";
import { View, type Message } from "./view.ts";

export interface ServerEvent {
  readonly type: string;
  /** Where a client stands after it: what stood before where it has none of its own. */
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
  #rest = "";
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
        this.#take(value);
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

  #take(text: string): void {
    const blocks = (this.#rest + text).replaceAll("\r\n", "\n").split("\n\n");
    this.#rest = blocks.pop() ?? "";
    for (const block of blocks) this.#dispatch(block.split("\n"));
  }

  #dispatch(lines: readonly string[]): void {
    let type = "message";
    const data: string[] = [];
    for (const line of lines) {
      const [, field, value = ""] = /^([^:]+)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (field === "event") type = value;
      if (field === "data") data.push(value);
      if (field === "id") this.#id = value;
    }
    if (data.length === 0) return;
    const message: Message = JSON.parse(data.join("\n"));
    this.events.push({ type, id: this.#id, message });
    this.view.apply(message);
  }
}
