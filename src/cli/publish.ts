import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import {
  createPublisher,
  PublishRefusedError,
  type Publisher,
  type PublisherStatus,
  type Receipt,
  type Update,
} from "../publisher/index.ts";
import { EXIT, Failure, messageOf, NO_TICKERTAPE, type ExitCode } from "./failure.ts";
import { pipeIsClosed, plainText, print, say, stopSignal } from "./output.ts";
import { keyFor, namedToken, serverUrl } from "./server.ts";
import { readDuration } from "./token.ts";
import { provideWebSocket } from "./web-socket.ts";

export interface PublishOptions {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly giveUpAfter?: string | undefined;
  readonly quiet?: true | undefined;
}

/** Updates that may wait for their receipts. Reading goes on when there are fewer. */
const MOST_WAITING = 5_000;
/** What the publisher itself lets wait: so much more that a whole batch always fits. */
const MAX_PENDING = MOST_WAITING + 1_000;
/** Milliseconds that the last updates may take once the user has asked to end. */
const GRACE_MS = 3_000;
/** Wrong lines that are told of one by one. */
const TOLD = 20;

/** Publishes what comes in, one update or batch a line. A line that is not taken is told of, and the others go on. */
export async function publish(feed: string, file: string | undefined, options: PublishOptions): Promise<ExitCode> {
  const url = serverUrl(options.url);
  const giveUpAfter = options.giveUpAfter === undefined ? undefined : readDuration(options.giveUpAfter) * 1_000;
  const key = namedToken(options.token) ?? keyFor(url, "PUBLISH_KEY");
  if (key === undefined)
    throw new Failure("Publishing needs a credential: --token, TICKERTAPE_TOKEN, or PUBLISH_KEY in the environment.");
  await provideWebSocket();
  const stop = stopSignal();
  const input = file === undefined || file === "-" ? process.stdin : createReadStream(file);
  if (file === undefined && process.stdin.isTTY)
    say('One update a line, such as {"key":"AAPL","set":{"last":191.2}}; Ctrl-D ends.');
  const publisher = createPublisher({ url, feed, key, giveUpAfter, maxPending: MAX_PENDING });
  publisher.on("status", announce(url));
  const run = new Run(publisher, options.quiet !== true);
  const lines = createInterface({ input, crlfDelay: Infinity, signal: AbortSignal.any([stop, run.over]) });
  try {
    for await (const line of lines) {
      if (run.over.aborted || stop.aborted) break;
      await run.take(line);
    }
  } catch (error) {
    if (!run.over.aborted && !stop.aborted) throw error;
  } finally {
    lines.close();
    // A terminal or a pipe that stays open would keep the process alive.
    input.destroy();
  }
  return run.end(stop);
}

/** Tells once that the server takes nothing, and once that it does again. */
function announce(url: string): (status: PublisherStatus) => void {
  let isAway = false;
  return (status) => {
    if (status.state === "away" && !isAway) say(`${url} takes nothing now (${status.reason}); trying again.`);
    if (status.state === "delivering" && isAway) say("The server is back.");
    if (status.state !== "closed") isAway = status.state === "away";
  };
}

class Run {
  readonly #publisher: Publisher;
  readonly #shows: boolean;
  readonly #waiting = new Set<Promise<void>>();
  #line = 0;
  #wrong = 0;
  #accepted = 0;
  #stale = 0;
  #receipt: Receipt | undefined;
  #fatal: Error | undefined;
  readonly #over = new AbortController();

  constructor(publisher: Publisher, shows: boolean) {
    this.#publisher = publisher;
    this.#shows = shows;
  }

  /** Aborts when nothing more will be taken, whatever comes. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  async take(text: string): Promise<void> {
    const line = ++this.#line;
    // A file may begin with a byte order mark.
    const json = (line === 1 ? text.replace(/^\ufeff/, "") : text).trim();
    if (json === "") return;
    let updates: Update | readonly Update[];
    try {
      updates = JSON.parse(json);
    } catch {
      this.#refuse(line, "it is not JSON");
      return;
    }
    if (typeof updates !== "object" || updates === null) {
      this.#refuse(line, "it is neither an update nor an array of them");
      return;
    }
    if (Array.isArray(updates) && updates.length === 0) return;
    const done = this.#publisher.publish(updates).then(
      (receipt) => this.#note(receipt),
      (error: unknown) => this.#fail(line, error),
    );
    this.#waiting.add(done);
    void done.then(() => this.#waiting.delete(done));
    while (this.#publisher.pending > MOST_WAITING && this.#waiting.size > 0) await Promise.race(this.#waiting);
  }

  async end(stop: AbortSignal): Promise<ExitCode> {
    const late = new AbortController();
    const hurry = (): void => void setTimeout(() => late.abort(), GRACE_MS).unref();
    if (stop.aborted) hurry();
    else stop.addEventListener("abort", hurry);
    // What went wrong, each line has told.
    const left = await this.#publisher.close({ signal: late.signal }).catch(() => []);
    await Promise.all(this.#waiting);
    const { epoch, seq } = this.#receipt ?? {};
    const stale = this.#stale > 0 ? `, ${this.#stale} stale` : "";
    const wrong = this.#wrong > 0 ? `, ${this.#wrong} ${this.#wrong === 1 ? "line" : "lines"} not published` : "";
    if (this.#fatal) throw this.#fatal;
    say(`${this.#accepted} accepted${stale}${wrong}${seq === undefined ? "" : `; position ${epoch}:${seq}`}`);
    if (left.length > 0) say(`${left.length} have no receipt, and may have been applied.`);
    if (this.#wrong > 0 || left.length > 0) return EXIT.failure;
    return stop.aborted ? EXIT.interrupted : EXIT.ok;
  }

  /** All calls of a batch get the same receipt, which counts them all. */
  async #note(receipt: Receipt): Promise<void> {
    if (receipt === this.#receipt) return;
    this.#receipt = receipt;
    this.#accepted += receipt.accepted;
    this.#stale += receipt.stale;
    // Who reads the receipts may have left: the updates are published all the same.
    if (this.#shows && !pipeIsClosed()) await print(JSON.stringify(receipt));
  }

  #fail(line: number, error: unknown): void {
    if (
      error instanceof PublishRefusedError &&
      (error.status === 401 || error.status === 403 || error.status === 404)
    ) {
      const help = error.status === 404 && error.code === undefined ? `: ${NO_TICKERTAPE}` : "";
      this.#fatal ??= new Failure(`The server refused to publish: ${error.message}${help}`);
      this.#over.abort();
      return;
    }
    const issue = error instanceof PublishRefusedError ? error.issues[0] : undefined;
    this.#refuse(line, issue ? [issue.path, issue.message].filter(Boolean).join(": ") : messageOf(error));
  }

  #refuse(line: number, reason: string): void {
    if (++this.#wrong <= TOLD) say(`line ${line}: ${plainText(reason)}`);
    if (this.#wrong === TOLD) say("Further lines that are not published are only counted.");
  }
}
