import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import type { HostileTarget } from "./target.ts";

export interface AttackRequest {
  /** `prepare` prepares one attempt. `once` makes it and waits for its end. `loop` makes attempts until the process ends. */
  readonly type: "prepare" | "once" | "loop" | "look";
  readonly attack: string;
  readonly target: HostileTarget;
}

export type AttackReply =
  | {
      readonly ok: true;
      readonly attempts: number;
      /** Their results, with counts. */
      readonly results: Readonly<Record<string, number>>;
      /** Answers that no server may give, with counts. */
      readonly uncaught: Readonly<Record<string, number>>;
    }
  | { readonly ok: false; readonly reason: string };

type Results = Extract<AttackReply, { ok: true }>;

/** One attack on a feed, from a process of its own. */
export class AttackRunner {
  readonly #process: ChildProcess;
  readonly #attack: string;
  readonly #target: HostileTarget;

  constructor(attack: string, target: HostileTarget) {
    this.#attack = attack;
    this.#target = target;
    this.#process = fork(join(import.meta.dirname, "attack-process.ts"), { execArgv: [] });
    const { pid } = this.#process;
    // Real attackers have machines of their own. Here they get the CPU that the server and the measuring processes
    // leave.
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  }

  /** Does everything that comes before an attempt. */
  prepare(): Promise<Results> {
    return this.#ask("prepare");
  }

  /** Resolves once the attempt has its answer. */
  attempt(): Promise<Results> {
    return this.#ask("once");
  }

  /** Makes one attempt after another from now on. */
  loop(): Promise<Results> {
    return this.#ask("loop");
  }

  look(): Promise<Results> {
    return this.#ask("look");
  }

  /** Ends the process, and with it all its connections. */
  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  async #ask(type: AttackRequest["type"]): Promise<Results> {
    const answered = new AbortController();
    const { signal } = answered;
    try {
      const reply = once(this.#process, "message", { signal }).then(([message]: AttackReply[]) => message);
      const gone = once(this.#process, "exit", { signal }).then((): undefined => undefined);
      this.#process.send({ type, attack: this.#attack, target: this.#target } satisfies AttackRequest);
      const first = await Promise.race([reply, gone]);
      if (first?.ok) return first;
      throw new Error(`the attack failed: ${first?.reason ?? "its process ended"}`);
    } finally {
      answered.abort();
    }
  }
}
