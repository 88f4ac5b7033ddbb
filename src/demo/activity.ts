import { exponential, type Random } from "./random.ts";

/**
 * How a symbol trades for a while. `pace` multiplies its usual rate of events, `swing` the size of its price moves,
 * `width` its spread; `lasts` is the mean duration in milliseconds.
 */
interface Mood {
  pace: number;
  swing: number;
  width: number;
  lasts: number;
}

const QUIET: Mood = { pace: 0.15, swing: 0.6, width: 1.1, lasts: 20_000 };
const STEADY: Mood = { pace: 1, swing: 1, width: 1, lasts: 30_000 };
const BURST: Mood = { pace: 8, swing: 2.5, width: 1.5, lasts: 2_500 };
/** The share of bursts among the moods that follow a steady one. The others are quiet. Both lead back to steady. */
const BURST_SHARE = 0.4;

/** Each mood, and how often it comes for each steady one. */
const MOODS: [Mood, number][] = [
  [STEADY, 1],
  [BURST, BURST_SHARE],
  [QUIET, 1 - BURST_SHARE],
];
const total = (of: (mood: Mood) => number): number => MOODS.reduce((sum, [mood, visits]) => sum + of(mood) * visits, 0);
/** Over a long time: of each mood, weighted by its share of the time. */
const MEAN_PACE = total(({ pace, lasts }) => pace * lasts) / total(({ lasts }) => lasts);

/** When one symbol's events happen: a Poisson process whose rate changes with the symbol's mood. */
export class Activity {
  mood = STEADY;
  /** When the next event is due, in milliseconds since 1970, with a fraction. */
  next: number;
  #moodEnds: number;
  readonly #random: Random;
  readonly #perMs: number;

  /** `rate`: events a second, on average over all moods. */
  constructor(random: Random, rate: number, start: number) {
    this.#random = random;
    this.#perMs = rate / 1000 / MEAN_PACE;
    this.next = start;
    this.#moodEnds = start + exponential(random, this.mood.lasts);
    this.advance();
  }

  /** Moves `next` to the event after it. */
  advance(): void {
    for (;;) {
      const due = this.next + exponential(this.#random, 1 / (this.#perMs * this.mood.pace));
      if (due < this.#moodEnds) {
        this.next = due;
        return;
      }
      // The wait has no memory, so starting it again when the mood changes keeps both rates exact.
      this.next = this.#moodEnds;
      this.mood = this.#nextMood();
      this.#moodEnds = this.next + exponential(this.#random, this.mood.lasts);
    }
  }

  /** Moves everything ahead by `ms`, as if that time had not passed. */
  shift(ms: number): void {
    this.next += ms;
    this.#moodEnds += ms;
  }

  #nextMood(): Mood {
    if (this.mood !== STEADY) return STEADY;
    return this.#random() < BURST_SHARE ? BURST : QUIET;
  }
}
