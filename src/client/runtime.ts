/** What the runtime says that may concern the connection. */
export type RuntimeEvent = "online" | "offline" | "visible";

/** The conditions at this moment. */
export interface Conditions {
  /** Chance: from 0 to 1. */
  readonly random: number;
  /** False if the runtime says that there is no network. It may be wrong: attempts go on. */
  readonly online: boolean;
  /** False if the page is hidden. */
  readonly visible: boolean;
}

/** All that the client needs from where it runs: a browser, a worker, Node 20 or newer. */
export interface Runtime {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Calls back once, unless the returned function is called before. It keeps a Node process alive. */
  readonly setTimer: (ms: number, callback: () => void) => () => void;
  readonly conditions: () => Conditions;
  /** Calls back for each event until the returned function is called. */
  readonly watch: (callback: (event: RuntimeEvent) => void) => () => void;
  readonly fetch: (url: URL, init: RequestInit) => Promise<Response>;
  /** Reports what a listener has thrown, where uncaught errors show. */
  readonly reportError: (error: unknown) => void;
}

const isVisible = (): boolean => globalThis.document?.visibilityState !== "hidden";

export const runtime: Runtime = {
  now: () => Date.now(),
  setTimer(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  // Node's navigator has no `onLine`, and Node 20 has no navigator.
  conditions: () => ({ random: Math.random(), online: globalThis.navigator?.onLine ?? true, visible: isVisible() }),
  watch(callback) {
    const end = new AbortController();
    const { signal } = end;
    const on = (event: RuntimeEvent, type: string = event): void =>
      // Node's global object is no event target.
      globalThis.addEventListener?.(type, () => (event !== "visible" || isVisible()) && callback(event), { signal });
    on("online");
    on("offline");
    on("visible", "visibilitychange");
    return () => end.abort();
  },
  fetch: (url, init) => fetch(url, init),
  // oxlint-disable-next-line no-console -- Node has no reportError
  reportError: (error) => (globalThis.reportError ?? console.error)(error),
};
