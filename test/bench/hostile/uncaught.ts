/** The code of a socket whose server failed without knowing it. */
const FAILED = 1011;

/** What an answer tells of an error that nobody caught: any 500, and every other 5xx that does not say when to come back. */
function uncaughtIn(status: number | undefined, retryAfter: string | undefined): string | undefined {
  if (status === undefined || status < 500) return undefined;
  if (status === 500) return "500";
  return retryAfter === undefined ? `${status} without Retry-After` : undefined;
}

/** Counts what no server may answer. Of a whole process: whoever asks, asks here. */
class Uncaught {
  readonly #counts = new Map<string, number>();

  /** How often which came, by what was asked for. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** Takes an answer. `what` was asked for, without its query. */
  answered(what: string, status: number | undefined, retryAfter: string | undefined): void {
    const uncaught = uncaughtIn(status, retryAfter);
    if (uncaught !== undefined) this.#count(`${what} answered ${uncaught}`);
  }

  /** Takes the code that a socket was closed with. */
  closed(code: number): void {
    if (code === FAILED) this.#count(`a socket was closed with ${code}`);
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
}

export const uncaught = new Uncaught();
