/** News of the platform that are a reason to look at the connection. */
export type Sign = "online" | "offline" | "visible";

/** What things are like at the moment. */
export interface Conditions {
  /** Chance: from 0 to 1. */
  readonly random: number;
  /** False where the platform says that there is no network. It may be wrong: attempts go on. */
  readonly online: boolean;
  /** False where nobody can see the page. */
  readonly visible: boolean;
}

/** All that the client needs of where it runs: a browser, a worker, Node 22 or newer. */
export interface Platform {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Calls back once, unless the returned function is called before. It keeps a Node process alive. */
  readonly setTimer: (ms: number, callback: () => void) => () => void;
  readonly look: () => Conditions;
  /** Calls back at each sign until the returned function is called. */
  readonly watch: (callback: (sign: Sign) => void) => () => void;
  readonly fetch: (url: URL, init: RequestInit) => Promise<Response>;
  /** Shows what a listener threw where such errors are seen. */
  readonly reportError: (error: unknown) => void;
}

const isVisible = (): boolean => globalThis.document?.visibilityState !== "hidden";

export const platform: Platform = {
  now: () => Date.now(),
  setTimer(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  // Node has a navigator that does not say.
  look: () => ({ random: Math.random(), online: navigator.onLine ?? true, visible: isVisible() }),
  watch(callback) {
    const end = new AbortController();
    const { signal } = end;
    const on = (sign: Sign, type: string = sign): void =>
      // Node's global object is no event target.
      globalThis.addEventListener?.(type, () => (sign !== "visible" || isVisible()) && callback(sign), { signal });
    on("online");
    on("offline");
    on("visible", "visibilitychange");
    return () => end.abort();
  },
  fetch: (url, init) => fetch(url, init),
  // oxlint-disable-next-line no-console -- Node has no reportError
  reportError: (error) => (globalThis.reportError ?? console.error)(error),
};
