import { isAwaited, type Call, type CallContent } from "./call.ts";
import { mergeCalls } from "./merge.ts";
import { Outcome } from "./outcome.ts";

/** How much one batch may carry. */
export interface Capacity {
  readonly updates: number;
  readonly bytes: number;
}

/** Calls that wait to be sent, oldest first. */
export class Queue {
  readonly #conflate: boolean;
  readonly #calls = new Set<Call>();
  /** By key, the last call that has it, since the last fence. */
  readonly #last = new Map<string, Call>();
  #updates = 0;
  /** Calls that nobody waits for are merged, until all that wait have gone out. */
  #isMerging = false;

  constructor(conflate: boolean) {
    this.#conflate = conflate;
  }

  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  get calls(): Iterable<Call> {
    return this.#calls;
  }

  /** How many updates wait. */
  get updates(): number {
    return this.#updates;
  }

  /** At the end, also if it is merged with others: what came between them stays before it. Returns what waits now. */
  add(content: CallContent, outcomes: readonly Outcome[] = []): Call {
    const earlier = new Set(content.keys.map((key) => this.#last.get(key)).filter((call) => call !== undefined));
    const merged = outcomes.some((outcome) => outcome.isAwaited) ? undefined : this.#merge([...earlier], content);
    let all = new Set(outcomes);
    if (merged) {
      all = new Set([...earlier].flatMap((call) => call.outcomes).concat(outcomes));
      for (const call of earlier) this.remove(call);
    }
    // One that is merged shares the outcome of those before it: while a key is replaced again and again, they do not add up.
    if (all.size === 0) all.add(new Outcome());
    const call: Call = { ...(merged ?? content), outcomes: [...all] };
    for (const key of call.keys) this.#last.set(key, call);
    this.#calls.add(call);
    this.#updates += call.count;
    return call;
  }

  remove(call: Call): void {
    this.#calls.delete(call);
    this.#updates -= call.count;
    for (const key of call.keys) if (this.#last.get(key) === call) this.#last.delete(key);
  }

  /** Merges what nobody waits for, by key; and goes on so. */
  merge(): void {
    if (this.#isMerging || this.isEmpty) return;
    const calls = this.takeAll();
    this.#isMerging = true;
    for (const call of calls) this.add(call, call.outcomes);
  }

  /** The oldest call that nobody waits for, but for this one. */
  oldestUnawaited(but: Call): Call | undefined {
    for (const call of this.#calls) if (call !== but && !isAwaited(call)) return call;
    return undefined;
  }

  /** Nothing that comes later is merged with what waits now, unless there is no room. */
  fence(): void {
    this.#last.clear();
    this.#isMerging = false;
  }

  /** Takes as many calls as one batch may carry: at least one, if there is any. */
  take(capacity: Capacity): Call[] {
    const taken: Call[] = [];
    let updates = 0;
    let bytes = 1;
    for (const call of this.#calls) {
      updates += call.count;
      bytes += call.bytes + 1;
      if (taken.length > 0 && (updates > capacity.updates || bytes > capacity.bytes)) break;
      taken.push(call);
      this.remove(call);
    }
    if (this.isEmpty) this.#isMerging = false;
    return taken;
  }

  takeAll(): Call[] {
    return this.take({ updates: Infinity, bytes: Infinity });
  }

  /** One call in place of all, if they may be merged: nothing else that waits has their keys. */
  #merge(earlier: readonly Call[], last: CallContent): CallContent | undefined {
    const mayMerge = (call: Call): boolean =>
      call.keys.every((key) => this.#last.get(key) === call) &&
      ((this.#conflate && call.isSet && last.isSet) || (this.#isMerging && !isAwaited(call)));
    return earlier.length > 0 && earlier.every(mayMerge) ? mergeCalls(earlier, last) : undefined;
  }
}
