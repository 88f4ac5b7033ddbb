import type { Call, Content } from "./call.ts";

/** What a POST may gather. */
interface Room {
  readonly updates: number;
  readonly bytes: number;
}

/** Calls that wait to be sent, oldest first. */
export class Queue {
  readonly #conflate: boolean;
  readonly #calls = new Set<Call>();
  /** By its key, the call that the next `set` may replace: a `set` itself, and the last one that concerns the key. */
  readonly #replaceable = new Map<string, Call>();

  constructor(conflate: boolean) {
    this.#conflate = conflate;
  }

  /** The call whose place this one takes, if any. */
  replacedBy(call: Content): Call | undefined {
    const earlier = call.isSet ? this.#replaceable.get(call.keys[0] ?? "") : undefined;
    if (earlier === undefined) return undefined;
    // One that may turn out to be stale does not speak for the earlier one; and the version guards the key ever after.
    if (earlier.version === undefined && call.version === undefined) return earlier;
    return (earlier.version ?? Infinity) < (call.version ?? -Infinity) ? earlier : undefined;
  }

  /** At the end, also where it takes another's place: whatever came between stays before it. */
  add(call: Call): void {
    const replaced = this.replacedBy(call);
    if (replaced) this.#calls.delete(replaced);
    for (const key of call.keys) this.#replaceable.delete(key);
    if (this.#conflate && call.isSet) this.#replaceable.set(call.keys[0] ?? "", call);
    this.#calls.add(call);
  }

  /** Has what waits now go out as it is, before what comes later. */
  fence(): void {
    this.#replaceable.clear();
  }

  /** Takes as many calls as one POST may carry: at least one, if there is any. */
  take(room: Room): Call[] {
    const taken: Call[] = [];
    let updates = 0;
    let bytes = 1;
    for (const call of this.#calls) {
      updates += call.count;
      bytes += call.bytes + 1;
      if (taken.length > 0 && (updates > room.updates || bytes > room.bytes)) break;
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
