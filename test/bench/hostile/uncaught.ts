/** The code that a socket gets when its server fails by an uncaught error. */
const FAILED = 1011;

/** Returns the error that no code caught, or undefined: any 500, and any other 5xx without `Retry-After`. */
function uncaughtIn(status: number | undefined, retryAfter: string | undefined): string | undefined {
  if (status === undefined || status < 500) return undefined;
  if (status === 500) return "500";
  return retryAfter === undefined ? `${status} without Retry-After` : undefined;
}

/** Counts the answers that no server may give, for the whole process. */
class Uncaught {
  readonly #counts = new Map<string, number>();

  /** What came, by what was asked for, with counts. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** Takes an answer. `what`: what was asked for, without its query. */
  answered(what: string, status: number | undefined, retryAfter: string | undefined): void {
    const uncaught = uncaughtIn(status, retryAfter);
    if (uncaught !== undefined) this.#count(`${what} answered ${uncaught}`);
  }

  /** Takes the close code of a socket. */
  closed(code: number): void {
    if (code === FAILED) this.#count(`a socket was closed with ${code}`);
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
}

export const uncaught = new Uncaught();
