import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { Child } from "../load/child.ts";
import type { HostileTarget } from "./target.ts";

export interface AttackRequest {
  /** `prepare` prepares one attempt. `once` makes it and waits for its end. `loop` makes attempts until the process ends. */
  readonly type: "prepare" | "once" | "loop" | "look";
  readonly attack: string;
  readonly target: HostileTarget;
}

export interface AttackReply {
  readonly attempts: number;
  /** Their results, with counts. */
  readonly results: Readonly<Record<string, number>>;
  /** Answers that no server may give, with counts. */
  readonly uncaught: Readonly<Record<string, number>>;
}

/** One attack on a feed, from a process of its own. */
export class AttackRunner {
  readonly #child = new Child<AttackRequest, AttackReply>(join(import.meta.dirname, "attack-process.ts"));
  readonly #attack: string;
  readonly #target: HostileTarget;

  constructor(attack: string, target: HostileTarget) {
    this.#attack = attack;
    this.#target = target;
    const { pid } = this.#child.process;
    // Real attackers have machines of their own. Here they get the CPU that the server and the measuring processes
    // leave.
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  }

  /** Does everything that comes before an attempt. */
  prepare(): Promise<AttackReply> {
    return this.#ask("prepare");
  }

  /** Resolves once the attempt has its answer. */
  attempt(): Promise<AttackReply> {
    return this.#ask("once");
  }

  /** Makes one attempt after another from now on. */
  loop(): Promise<AttackReply> {
    return this.#ask("loop");
  }

  look(): Promise<AttackReply> {
    return this.#ask("look");
  }

  end(): Promise<void> {
    return this.#child.end();
  }

  #ask(type: AttackRequest["type"]): Promise<AttackReply> {
    return this.#child.ask({ type, attack: this.#attack, target: this.#target });
  }
}
