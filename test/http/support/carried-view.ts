import type { JsonObject } from "../../../src/protocol/json.ts";
import { formatPosition, type Position } from "../../../src/protocol/position.ts";
import { View, type Message } from "../../support/view.ts";
import type { Selected } from "./steps.ts";

/** One message that a client received: its position before and after, and the entries that it has then. */
export interface Received {
  readonly message: Message;
  /** Whether the client gave a position to resume from. */
  readonly resumes: boolean;
  readonly before: Position | undefined;
  readonly after: Position | undefined;
  readonly selected: Selected;
  readonly entries: Record<string, JsonObject>;
}

/**
 * A client's view over one connection. It begins with what the client brought along, and takes so many messages: then
 * the connection is cut, and whatever comes after that is lost.
 */
export class CarriedView extends View {
  readonly received: Received[] = [];
  readonly resumes: boolean;
  /** What it has is of this selection. What it asks for may be another until the answer comes. */
  selected: Selected;
  asks: Selected;
  isCut = false;
  #left: number;
  #failure: { error: unknown } | undefined;
  #waiting: (() => void)[] = [];

  /** `asks`: for another selection than that of what is carried. A client cannot go on from its position with it. */
  constructor(selected: Selected, carried?: CarriedView, { asks = selected, messages = Infinity, anew = false } = {}) {
    super();
    this.selected = selected;
    this.asks = asks;
    this.wants = asks.keys;
    this.#left = messages;
    for (const [key, value] of carried?.entries ?? []) this.entries.set(key, value);
    if (carried?.position) this.position = { ...carried.position };
    this.resumes = this.position !== undefined && !anew && asks === selected;
  }

  /** Asks for another selection on its connection. */
  ask(asks: Selected): void {
    this.asks = asks;
    this.wants = asks.keys;
  }

  /** The position that a client brings along, as it is written. */
  get at(): string | undefined {
    return this.position && formatPosition(this.position);
  }

  /** Whether the server has said where this connection begins. */
  get isAnswered(): boolean {
    return (
      !this.partial && this.received.some(({ message }) => message.type === "update" || message.type === "snapshot")
    );
  }

  override apply(message: Message): void {
    if (this.isCut) return;
    if (this.#left-- <= 0) return this.cut();
    const before = this.position && { ...this.position };
    try {
      super.apply(message);
    } catch (error) {
      this.fail(error);
    }
    const isAnswer = message.reason === "subscribe" || message.reason === "initial";
    if (message.type === "snapshot" && isAnswer && !message.more) this.selected = this.asks;
    const after = this.position && { ...this.position };
    const { resumes, selected } = this;
    this.received.push({ message, resumes, before, after, selected, entries: this.state() });
    this.#wake();
  }

  /** Nothing that comes later counts. */
  cut(): void {
    this.isCut = true;
    this.#wake();
  }

  /** Makes the wait that is open fail, or the next one. */
  fail(error: unknown): void {
    if (!this.isCut) this.#failure ??= { error };
    this.#wake();
  }

  /** Throws what was found wrong, if anything was. */
  check(): void {
    if (this.#failure) throw this.#failure.error;
  }

  /** Waits until `condition` holds or the connection is cut. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const end = performance.now() + 10_000;
    for (;;) {
      this.check();
      if (this.isCut || condition()) return;
      const left = end - performance.now();
      if (left <= 0) {
        const messages = this.received.map(({ message }) => JSON.stringify(message).slice(0, 300));
        throw new Error(`at ${this.at} waited in vain for ${what}; got ${messages.slice(-5).join("\n")}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
