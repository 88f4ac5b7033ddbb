import type { LinkState } from "../../replication/links.ts";

/** How many subscribers replicas said they have, as of `at`, in milliseconds since 1970. */
interface Noted {
  readonly at: number;
  readonly reports: readonly (readonly [name: string, subscribers: number])[];
}

const REPORTS = "followers serve";
/**
 * Milliseconds after which the replicas are asked again: after a deployment, those whose subscribers have not come back do not
 * say so by themselves.
 */
const KEPT = 10 * 60_000;

/**
 * How many subscribers replicas have, kept while their leader sleeps: with it, none of them is woken to say so. It is
 * noted once it stays as it is, and withdrawn before it changes.
 */
export class NotedReports {
  readonly #stored: SyncKvStorage;
  #isNoted: boolean | undefined;

  constructor(stored: SyncKvStorage) {
    this.#stored = stored;
  }

  read(now: number): Noted["reports"] {
    const noted = this.#stored.get<Noted>(REPORTS);
    return noted && Math.abs(now - noted.at) < KEPT ? noted.reports : [];
  }

  /** Notes what is known. */
  note(links: readonly LinkState[], now: number): void {
    if (this.#isThere) return;
    const reports = links.flatMap(({ name, report }) => (report ? [[name, report.subscribers] as const] : []));
    this.#isNoted = reports.length > 0;
    if (this.#isNoted) this.#stored.put(REPORTS, { at: now, reports } satisfies Noted);
  }

  withdraw(): void {
    if (this.#isThere) this.#stored.delete(REPORTS);
    this.#isNoted = false;
  }

  get #isThere(): boolean {
    return (this.#isNoted ??= this.#stored.get<Noted>(REPORTS) !== undefined);
  }
}
