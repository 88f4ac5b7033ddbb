import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Receipt, Update } from "../../../src/publisher/index.ts";

export interface Options {
  readonly url: string;
  readonly feed: string;
  readonly key?: string;
  /** In place of `key`: what is given whenever it is asked for, the last again and again. */
  readonly keys?: readonly string[];
  readonly maxPending?: number;
  readonly whenFull?: string;
  /** Seconds. */
  readonly timeout?: number;
  readonly giveUpAfter?: number;
  readonly batchUpdates?: number;
}

export interface Fault {
  readonly name: string;
  readonly status?: number;
  readonly code?: string;
  readonly issues?: readonly object[];
}

interface Look {
  readonly pending: number;
  readonly dropped: number;
  readonly state: string;
  readonly reason: string;
}

type Line = { id: number; value?: unknown; error?: Fault } | { of: number; event: Fault; updates: Update[] };
type Updates = Update | readonly Update[];

/** A process in another language, in which publishers are opened. Nothing rejects: an outcome is a value or its fault. */
export class LanguageProcess {
  readonly #process;
  readonly #answers = new Map<number, (outcome: unknown) => void>();
  readonly #drivers: Driver[] = [];
  readonly #ended: Promise<unknown>;
  #last = 0;

  constructor([file, ...args]: readonly [string, ...string[]]) {
    this.#process = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#ended = new Promise((resolve) => this.#process.on("close", resolve));
    createInterface(this.#process.stdout).on("line", (text) => {
      const line: Line = JSON.parse(text);
      if ("event" in line) this.#drivers[line.of]?.errors.push([line.event, line.updates]);
      else this.#answers.get(line.id)?.(line.error ?? line.value);
    });
  }

  open(options: Options): Driver {
    const of = this.#drivers.length;
    this.#write({ of, do: "open", options });
    const driver = new Driver(
      (command) => this.#write({ of, ...command }),
      (command) => this.#ask({ of, ...command }),
    );
    this.#drivers.push(driver);
    return driver;
  }

  async end(): Promise<void> {
    this.#process.kill();
    await this.#ended;
  }

  #ask<T>(command: object): Promise<T> {
    const id = ++this.#last;
    return new Promise((resolve) => {
      // The driver says what it is asked for.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      this.#answers.set(id, (outcome) => resolve(outcome as T));
      this.#write({ ...command, id });
    });
  }

  #write(line: object): void {
    this.#process.stdin.write(`${JSON.stringify(line)}\n`);
  }
}

/** One publisher in another language. */
export class Driver {
  /** What was told to `on_error`. */
  readonly errors: (readonly [Fault, readonly Update[]])[] = [];
  readonly #tell: (command: object) => void;
  readonly #ask: <T>(command: object) => Promise<T>;

  constructor(tell: (command: object) => void, ask: <T>(command: object) => Promise<T>) {
    this.#tell = tell;
    this.#ask = ask;
  }

  send(updates: Updates): void {
    this.#tell({ do: "send", updates });
  }

  publish(updates: Updates): Promise<Receipt | Fault> {
    return this.#ask({ do: "publish", updates });
  }

  flush(): Promise<null | Fault> {
    return this.#ask({ do: "flush" });
  }

  /** `timeout`: seconds. */
  close(timeout?: number): Promise<Update[] | Fault> {
    return this.#ask({ do: "close", timeout });
  }

  look(): Promise<Look> {
    return this.#ask({ do: "look" });
  }
}
