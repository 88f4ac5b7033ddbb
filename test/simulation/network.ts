import type { Random } from "../../src/demo/random.ts";
import type { Region } from "../../src/placement/regions.ts";
import type { SimulatedTime, Thread } from "./time.ts";
import { oneWay } from "./world.ts";

/** One end of a call. Workers have no thread: there are many of them. */
export interface Place {
  readonly region: Region;
  readonly thread?: Thread;
}

/** Trouble on one link, for a time in milliseconds of the simulation. */
export interface Trouble {
  readonly from: number;
  readonly until: number;
  /** What a message takes longer, one way; Infinity if none arrives. */
  readonly delay: number;
}

/** Milliseconds after which a caller learns that its call is lost. */
const LOST_AFTER = 1_000;
/** How much longer a message may take than the table says. */
const JITTER = 0.1;

/** Carries calls from region to region. */
export class Network {
  readonly #time: SimulatedTime;
  readonly #random: Random;

  constructor(time: SimulatedTime, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  /** Calls `run` at another place. Either way the message may be lost; then the call fails, and nobody knows which it was. */
  call<T>(from: Place, to: Place, run: () => T | Promise<T>, link: { lost: number; trouble?: Trouble }): Promise<T> {
    return new Promise((resolve, reject) => {
      const lost = (): void => {
        this.#time.at(this.#time.now + LOST_AFTER, from.thread, () => reject(new Error("the connection was lost")));
      };
      const answer = (settle: () => void): void => {
        const wait = this.#way(to, from, link);
        if (wait === undefined) lost();
        else this.#time.at(this.#now(to) + wait, from.thread, settle);
      };
      const wait = this.#way(from, to, link);
      if (wait === undefined) {
        lost();
        return;
      }
      this.#time.at(this.#now(from) + wait, to.thread, () => {
        void Promise.resolve()
          .then(run)
          .then(
            (result) => answer(() => resolve(result)),
            (error: unknown) => answer(() => reject(error)),
          );
      });
    });
  }

  /** When what is done now at a place is done: its thread may be busy with it. */
  #now({ thread }: Place): number {
    return Math.max(this.#time.now, thread?.busyUntil ?? 0);
  }

  /** Milliseconds that a message takes; undefined if it is lost. */
  #way(from: Place, to: Place, { lost, trouble }: { lost: number; trouble?: Trouble }): number | undefined {
    const delay = oneWay(from.region, to.region) * (1 + JITTER * this.#random());
    const isLost = this.#random() < lost;
    if (!trouble || this.#time.now < trouble.from || this.#time.now >= trouble.until) return isLost ? undefined : delay;
    return isLost || trouble.delay === Infinity ? undefined : delay + trouble.delay;
  }
}
