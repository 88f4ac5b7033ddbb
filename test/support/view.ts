import { expect } from "vitest";
import { applyMergePatch } from "../../src/protocol/merge-patch.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import type { ServerMessage } from "../../src/protocol/server-messages.ts";
import type { Update } from "../../src/protocol/update.ts";

/** The members of all messages in one type. */
type Members<M> = (M extends unknown ? (members: Omit<M, "type">) => void : never) extends (members: infer All) => void
  ? Partial<All>
  : never;

/** Any message of the server, as a client reads it. */
export type Message = { type: string } & Members<ServerMessage>;

/**
 * What a client has after doing what the contract says with each message. Fails the test where continuity breaks:
 * every `from` must be the seq that the client had, and no seq goes back.
 */
export class View {
  readonly entries = new Map<string, JsonObject>();
  position: { epoch: string; seq: number } | undefined;
  /** Every update it was shown, in order. A snapshot begins the list anew. */
  updates: Update[] = [];
  /** What it selects: what is deselected by a `subscribe` message goes when the answer comes. */
  wants: readonly string[] = [];
  #parts: Record<string, JsonObject>[] = [];
  #head = "";

  /** Whether it waits for the rest of a snapshot. */
  get partial(): boolean {
    return this.#parts.length > 0;
  }

  apply(message: Message): void {
    if (message.type === "snapshot") this.#applySnapshot(message);
    if (message.type === "update") this.#applyUpdate(message);
  }

  /** The connection is gone, and with it what came of a snapshot so far. */
  forgetParts(): void {
    this.#parts = [];
  }

  state(): Record<string, JsonObject> {
    return Object.fromEntries(this.entries);
  }

  #applySnapshot(message: Message): void {
    const { epoch, seq, reason, id } = message;
    const head = JSON.stringify({ epoch, seq, reason, id });
    if (this.partial) expect(head, "nothing else comes between the parts of a snapshot").toBe(this.#head);
    this.#head = head;
    if (this.position?.epoch === epoch) expect(seq, "no seq goes back").toBeGreaterThanOrEqual(this.position!.seq);
    this.#parts.push(message.entries!);
    if (message.more) return;
    // The answer to `subscribe` adds to what there was; every other snapshot replaces it.
    if (message.reason === "subscribe") {
      for (const key of this.entries.keys()) if (!isWanted(this.wants, key)) this.entries.delete(key);
    } else {
      this.entries.clear();
      this.updates = [];
    }
    for (const part of this.#parts) for (const key of Object.keys(part)) this.entries.set(key, part[key]!);
    this.#parts = [];
    this.position = { epoch: message.epoch!, seq: message.seq! };
  }

  #applyUpdate(message: Message): void {
    expect(this.partial, "an update came between the parts of a snapshot").toBe(false);
    expect(message.from, `continuity of ${JSON.stringify(message)}`).toBe(this.position?.seq);
    expect(message.seq).toBeGreaterThanOrEqual(message.from!);
    for (const update of message.updates!) {
      this.updates.push(update);
      if ("set" in update) this.entries.set(update.key, update.set);
      else if ("patch" in update) {
        this.entries.set(update.key, applyMergePatch(this.entries.get(update.key), update.patch));
      } else this.entries.delete(update.key);
    }
    this.position!.seq = message.seq!;
  }
}

/** The contract's selection rule, said in the plainest way: no patterns are everything. */
export function isWanted(patterns: readonly string[], key: string): boolean {
  if (patterns.length === 0) return true;
  return patterns.some((pattern) => (pattern.endsWith("*") ? key.startsWith(pattern.slice(0, -1)) : pattern === key));
}
