import type { Call, CallContent } from "./call.ts";

/** How much one batch may carry. */
export interface Capacity {
  readonly updates: number;
  readonly bytes: number;
}

/** Calls that wait to be sent, oldest first. */
export class Queue {
  readonly #conflate: boolean;
  readonly #calls = new Set<Call>();
  /** By key, the call that the next `set` may replace: a `set` itself, and the last call with that key. */
  readonly #replaceable = new Map<string, Call>();

  constructor(conflate: boolean) {
    this.#conflate = conflate;
  }

  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  get calls(): Iterable<Call> {
    return this.#calls;
  }

  /** The call that this one replaces, if any. */
  replacedBy(call: CallContent): Call | undefined {
    const earlier = call.isSet ? this.#replaceable.get(call.keys[0] ?? "") : undefined;
    if (earlier === undefined) return undefined;
    // A call that may turn out to be stale must not replace one that is not; and a version guards the key ever after.
    if (earlier.version === undefined && call.version === undefined) return earlier;
    return (earlier.version ?? Infinity) < (call.version ?? -Infinity) ? earlier : undefined;
  }

  /** At the end, also if it replaces another: what came between them stays before it. */
  add(call: Call): void {
    const replaced = this.replacedBy(call);
    if (replaced) this.#calls.delete(replaced);
    for (const key of call.keys) this.#replaceable.delete(key);
    if (this.#conflate && call.isSet) this.#replaceable.set(call.keys[0] ?? "", call);
    this.#calls.add(call);
  }

  /** Nothing that comes later replaces what waits now. */
  fence(): void {
    this.#replaceable.clear();
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
      this.#calls.delete(call);
      for (const key of call.keys) if (this.#replaceable.get(key) === call) this.#replaceable.delete(key);
    }
    return taken;
  }

  takeAll(): Call[] {
    return this.take({ updates: Infinity, bytes: Infinity });
  }
}
