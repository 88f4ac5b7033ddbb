import { isDeepStrictEqual } from "node:util";
import type { Random } from "../../../src/demo/random.ts";
import type { Snapshot } from "./api.ts";
import type { JsonObject } from "../../../src/protocol/json.ts";
import type { Update } from "../../../src/protocol/update.ts";
import { applyUpdate } from "../../support/view.ts";

/** Sends a batch; `undefined` is a reset. The answer's status. */
export type Send = (updates: readonly Update[] | undefined, idempotencyKey?: string) => Promise<number>;

/** What a server may say to a publisher who is at a limit: with no change made. */
const REFUSALS = new Set([409, 413, 422, 429]);
/** Of a body, with room for what surrounds the values. */
const BODY_BYTES = 1_000_000;

/** Publishes to one feed at its limits, at random, and knows what it must hold. */
export class RandomLoad {
  readonly faults: string[] = [];
  /** What has been done, to reproduce a failure. */
  readonly steps: string[] = [];
  readonly #random: Random;
  readonly #send: Send;
  readonly #entries = new Map<string, JsonObject>();
  /** Keys that have had a `ttl`: when they go is the server's affair. */
  readonly #passing = new Set<string>();
  #count = 0;

  constructor(random: Random, send: Send) {
    this.#random = random;
    this.#send = send;
  }

  /** A key that it has had. */
  get aKey(): string {
    return this.#entries.keys().next().value ?? "none";
  }

  /** One step of it, which may be some ten POSTs. */
  async step(): Promise<void> {
    const steps: (() => Promise<void>)[] = [
      () => this.#many(),
      () => this.#tiny(),
      () => this.#large(),
      () => this.#mixed(),
      () => this.#deletes(),
      () => this.#keyed(),
    ];
    // Rarely: what went before would be forgotten.
    await (this.#random() < 0.05 ? this.#reset() : this.#pick(steps)());
  }

  /** Says where a snapshot is not what was published. */
  compare({ entries }: Snapshot): void {
    const isLasting = ([key]: [string, unknown]): boolean => !this.#passing.has(key);
    const had = new Map(Object.entries(entries).filter(isLasting));
    const expected = new Map([...this.#entries].filter(isLasting));
    if (isDeepStrictEqual(had, expected)) return;
    const wrong = [...expected.keys(), ...had.keys()].find(
      (key) => !isDeepStrictEqual(had.get(key), expected.get(key)),
    );
    this.faults.push(`${had.size} entries, not ${expected.size}; ${JSON.stringify(wrong)?.slice(0, 200)} is wrong`);
  }

  /** Very many keys, short or long, that may all end before long. */
  async #many(): Promise<void> {
    const length = this.#pick([12, 40, 128]);
    const letter = this.#letter();
    const total = this.#pick([1_000, 10_000, 30_000]);
    const ttl = this.#random() < 0.6 ? this.#int(1, 4_000) / 1_000 + this.#pick([0, 0.0003]) : undefined;
    this.steps.push(`${total} keys of ${length} ${letter}, ttl ${ttl}`);
    const name = letter.repeat((length - 8) / letter.length);
    for (let first = 0; first < total; first += 1_000) {
      const updates = Array.from({ length: 1_000 }, (_, i): Update => {
        const update = { key: `${name}${String(first + i).padStart(8, "0")}`, set: { n: first + i } };
        return ttl === undefined ? update : { ...update, ttl };
      });
      await this.#publish(updates);
    }
  }

  /** Tiny patches of a large value. */
  async #tiny(): Promise<void> {
    const members = this.#pick([1, 100, 3_500]);
    const batches = this.#int(1, 3);
    this.steps.push(`${batches} x 1,000 patches of a value of ${members} members`);
    const set = Object.fromEntries(Array.from({ length: members }, (_, i) => [`m${i}`, 100_000 + i]));
    await this.#publish([{ key: "patched", set }]);
    for (let n = 0; n < batches; n++) {
      await this.#publish(
        Array.from({ length: 1_000 }, (_, i) => ({
          key: "patched",
          patch: { [`m${i % members}`]: this.#random() < 0.1 ? null : this.#count++ },
        })),
      );
    }
  }

  /** Values as large as they may be. */
  async #large(): Promise<void> {
    const letter = this.#letter();
    const bytes = Buffer.byteLength(letter);
    const text = letter.repeat(Math.floor(65_000 / bytes));
    this.steps.push(`values of ${text.length} ${letter}`);
    for (let n = this.#int(1, 10); n > 0; n--) {
      const from = this.#int(0, 200);
      await this.#publish(Array.from({ length: 15 }, (_, i) => ({ key: `large${from + i}`, set: { n, text } })));
    }
  }

  async #mixed(): Promise<void> {
    this.steps.push("a mixture");
    const updates: Update[] = [];
    for (let bytes = 0; updates.length < 1_000;) {
      const text = this.#letter().repeat(this.#pick([0, 10, 1_000, 5_000]));
      bytes += Buffer.byteLength(text) + 100;
      if (bytes > BODY_BYTES) break;
      const key = `mixed${this.#int(0, 300)}`;
      const change = { [`f${this.#int(0, 5)}`]: text, n: this.#count++ };
      const kinds: Update[] = [
        { key, set: change },
        { key, patch: change },
        { key, delete: true },
        { key: `passing${key}`, set: change, ttl: this.#int(1, 3_000) / 999 },
      ];
      updates.push(this.#pick(kinds));
    }
    await this.#publish(updates);
  }

  async #deletes(): Promise<void> {
    this.steps.push("deletes");
    const keys = [...this.#entries.keys()].slice(0, 3_000);
    for (let first = 0; first < keys.length; first += 1_000)
      await this.#publish(keys.slice(first, first + 1_000).map((key) => ({ key, delete: true })));
  }

  /** Publishes that are remembered, each said twice. */
  async #keyed(): Promise<void> {
    this.steps.push("with idempotency keys");
    for (let i = 0; i < 100; i++) {
      const key = `${this.#int(0, 1e9)}-`.padEnd(128, "i");
      await this.#publish([{ key: "counted", set: { n: this.#count++ } }], key);
    }
  }

  async #reset(): Promise<void> {
    this.steps.push("a reset");
    const status = await this.#send(undefined);
    if (status !== 200) this.faults.push(`a reset answered ${status}`);
    this.#entries.clear();
    this.#passing.clear();
  }

  async #publish(updates: readonly Update[], idempotencyKey?: string): Promise<void> {
    const status = await this.#send(updates, idempotencyKey);
    if (status !== 200) {
      if (!REFUSALS.has(status)) this.faults.push(`a POST answered ${status}`);
      return;
    }
    if (idempotencyKey !== undefined && (await this.#send(updates, idempotencyKey)) !== 200)
      this.faults.push("a repeat was refused");
    for (const update of updates) {
      this.#apply(update);
      if (update.ttl === undefined) this.#passing.delete(update.key);
      else this.#passing.add(update.key);
    }
  }

  /** Patches in place, as a copy of a large value for each of thousands would take seconds. They are flat. */
  #apply(update: Update): void {
    const value = this.#entries.get(update.key);
    if (!("patch" in update) || !value) return applyUpdate(this.#entries, update);
    for (const [name, member] of Object.entries(update.patch)) {
      if (member === null) Reflect.deleteProperty(value, name);
      else value[name] = member;
    }
  }

  #letter(): string {
    return this.#pick(["x", "ж", "語", "🙂"]);
  }

  #int(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1));
  }

  #pick<T>(values: readonly T[]): T {
    const value = values[Math.floor(this.#random() * values.length)];
    if (value === undefined) throw new RangeError("nothing to pick from");
    return value;
  }
}
