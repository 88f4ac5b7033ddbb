/** What is needed of a subscriber's messages to follow a feed whose updates only set and delete. */
type Message =
  | { readonly type: "hello" }
  | {
      readonly type: "snapshot";
      readonly epoch: string;
      readonly seq: number;
      readonly entries: Readonly<Record<string, unknown>>;
      readonly more?: boolean;
    }
  | { readonly type: "update"; readonly from: number; readonly seq: number; readonly updates: readonly Update[] };

type Update = { readonly key: string } & ({ readonly set: unknown } | { readonly delete: true });

/** The feed's entries as a client knows them. */
export class Replica {
  epoch = "";
  seq = -1;
  #entries = new Map<string, string>();
  #parts = new Map<string, string>();

  apply(text: string): void {
    const message = JSON.parse(text) as Message;
    if (message.type === "snapshot") {
      for (const [key, value] of Object.entries(message.entries)) this.#parts.set(key, JSON.stringify(value));
      if (message.more === true) return;
      this.#entries = this.#parts;
      this.#parts = new Map();
      this.epoch = message.epoch;
      this.seq = message.seq;
    } else if (message.type === "update") {
      if (message.from !== this.seq) throw new Error(`a gap: at ${this.seq}, and an update from ${message.from}`);
      for (const update of message.updates) {
        if ("set" in update) this.#entries.set(update.key, JSON.stringify(update.set));
        else this.#entries.delete(update.key);
      }
      this.seq = message.seq;
    }
  }

  equals(entries: Readonly<Record<string, unknown>>): boolean {
    const expected = Object.entries(entries);
    return (
      expected.length === this.#entries.size &&
      expected.every(([key, value]) => this.#entries.get(key) === JSON.stringify(value))
    );
  }
}
