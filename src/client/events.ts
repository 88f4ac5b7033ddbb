import type { JsonObject } from "../protocol/json.ts";
import type { FeedEvents } from "./types.ts";

interface Events extends FeedEvents<JsonObject> {
  /** After any event. */
  any: () => void;
}

/** The user's listeners of one feed. */
export interface Listeners {
  /** Returns the function that removes the listener. The same function added twice is called twice. */
  readonly on: <E extends keyof Events>(event: E, listener: Events[E]) => () => void;
  /** The listeners of the event are called with the next `callAll`; without an event, only those of `any`. */
  readonly emit: <E extends keyof Events>(event: E | undefined, ...args: Parameters<Events[E]>) => void;
  /** Calls listeners in the order of their events. What one of them causes comes in its turn, not at once. */
  readonly callAll: () => void;
}

/** `report` gets what a listener throws; the others are called all the same. */
export function createListeners(report: (error: unknown) => void): Listeners {
  type Entry = { readonly call: (...args: never[]) => void };
  const listeners: Readonly<Record<keyof Events, Set<Entry>>> = {
    change: new Set(),
    status: new Set(),
    any: new Set(),
  };
  const emitted: (() => void)[] = [];
  let isCalling = false;

  function callListeners(event: keyof Events, ...args: unknown[]): void {
    // Of a copy: a listener that removes itself and is added again is not called twice.
    for (const entry of new Set(listeners[event])) {
      try {
        // `emit` ensures that the arguments are those of the event.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        if (listeners[event].has(entry)) entry.call(...(args as never[]));
      } catch (error) {
        report(error);
      }
    }
  }

  return {
    on(event, call) {
      const entry = { call };
      listeners[event].add(entry);
      return () => void listeners[event].delete(entry);
    },
    emit: (event, ...args) => void emitted.push(() => event && callListeners(event, ...args)),
    callAll() {
      if (isCalling) return;
      isCalling = true;
      while (emitted.length > 0) {
        for (const call of emitted.splice(0)) call();
        callListeners("any");
      }
      isCalling = false;
    },
  };
}
