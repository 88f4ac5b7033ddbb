import { fillFeed, type Filling } from "../../bench/hostile/feeds.ts";
import { Probe, type Waits } from "../../bench/hostile/probe.ts";
import { AttackRunner } from "../../bench/hostile/attack-runner.ts";
import { ATTACK_BINDINGS, type HostileTarget } from "../../bench/hostile/target.ts";
import { clock, pause } from "../../bench/load/clock.ts";
import { lastingPort, Workerd, type WorkerdOptions } from "./workerd.ts";

export const FEED = "attacked";
const CALM = 600;
const LOOK_EVERY = 250;
const QUIET_TIME = 10_000;

type Results = Readonly<Record<string, number>>;

/** What an attack did to an honest publisher beside it. */
export interface AttackRun {
  readonly waits: Waits;
  readonly attempts: number;
  readonly results: Results;
}

interface AttackedServerOptions extends Pick<WorkerdOptions, "bindings" | "build" | "inspectorPort" | "mostHeap"> {
  /** Of what the feed would have at its limits. */
  readonly share?: number;
}

/** A server with a feed that is attacked while an honest publisher goes on. */
export class AttackedServer {
  readonly target: HostileTarget;
  #workerd: Workerd;
  #probe: Probe | undefined;
  #calm: Waits | undefined;

  private constructor(workerd: Workerd) {
    this.#workerd = workerd;
    this.target = { port: workerd.port, feed: FEED };
  }

  static async start(filling?: Filling, options: AttackedServerOptions = {}): Promise<AttackedServer> {
    const { share, ...settings } = options;
    const bindings = { ...ATTACK_BINDINGS, ...options.bindings };
    const workerd = await Workerd.start({ ...settings, port: await lastingPort(), bindings });
    const attacked = new AttackedServer(workerd);
    if (filling) await fillFeed(attacked.target, filling, share);
    return attacked;
  }

  /** The feed's address. */
  get url(): string {
    return `${this.#workerd.url}/v1/feeds/${FEED}`;
  }

  get origin(): string {
    return this.#workerd.url;
  }

  get pid(): number {
    return this.#workerd.process.pid ?? 0;
  }

  /** Attacks in a loop for so long, or until the results are enough. Returns how long the publisher waited meanwhile. */
  async runAttack(
    attack: string,
    milliseconds: number,
    isEnough: (results: Results) => boolean = () => false,
  ): Promise<AttackRun> {
    const probe = await this.#watched();
    const runner = new AttackRunner(attack, this.target);
    try {
      await runner.prepare();
      await probe.waitUntilCalm(QUIET_TIME);
      const start = clock();
      await runner.loop();
      for (const end = start + milliseconds; clock() < end && !isEnough((await runner.look()).results);)
        await pause(Math.min(LOOK_EVERY, Math.max(0, end - clock())));
      const waits = probe.since(start);
      return { waits, ...(await runner.look()) };
    } finally {
      await runner.end();
      await probe.waitUntilCalm(QUIET_TIME);
    }
  }

  /** How long it waited before anything was wrong. */
  async calm(): Promise<Waits> {
    await this.#watched();
    if (!this.#calm) throw new Error("it was not watched");
    return this.#calm;
  }

  async kill(): Promise<void> {
    await this.#workerd.kill();
  }

  async restart(): Promise<void> {
    this.#workerd = await this.#workerd.again();
  }

  async dispose(): Promise<void> {
    await this.#workerd.dispose();
    await this.#probe?.stop();
  }

  async #watched(): Promise<Probe> {
    if (this.#probe) return this.#probe;
    this.#probe = Probe.start(this.target);
    // Not while the server runs its code for the first time.
    await pause(CALM / 2);
    this.#calm = await this.#probe.watch(CALM);
    return this.#probe;
  }
}
