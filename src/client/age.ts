/** When a feed last changed. */
export interface Age {
  /** By the server's clock, in milliseconds since 1970; 0 if never, undefined if it is not known. */
  readonly time: number | undefined;
  /** When it counts as silent, unless it changes before, by this machine's clock; `Infinity` if it is not to. */
  readonly silentAt: number;
  /** A message says when the feed last changed. `isFresh`: it changed just now. */
  heard(time: number | undefined, isFresh: boolean, now: number): void;
  /** The server says after how many seconds it counts as silent. */
  declare(seconds: unknown): void;
  /** Since when nothing has changed, by this machine's clock, if that is long enough to count. */
  silentSince(now: number): number | undefined;
}

/** `time`: of a snapshot that it begins with. `silentAfter`: the user's own, in seconds. */
export function createAge(time: number | undefined, silentAfter: number | undefined): Age {
  let after = silentAfter;
  /** By this machine's clock. */
  let changedAt = -Infinity;
  /** How far this machine's clock is ahead of the server's, and no less than that: updates take time to come. */
  let ahead: number | undefined;

  const age: Age = {
    get time() {
      return time;
    },
    get silentAt() {
      return after === undefined || changedAt === -Infinity ? Infinity : changedAt + after * 1000;
    },
    heard(at, isFresh, now) {
      if (isFresh && at) ahead = Math.min(ahead ?? Infinity, now - at);
      if (isFresh) changedAt = now;
      else if (at) changedAt = Math.max(changedAt, Math.min(now, at + (ahead ?? 0)));
      time = at ?? time;
    },
    declare(seconds) {
      if (silentAfter === undefined && typeof seconds === "number") after = seconds;
    },
    silentSince: (now) => (now >= age.silentAt ? changedAt : undefined),
  };
  return age;
}
