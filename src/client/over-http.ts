import type { withQuery } from "./feed-url.ts";
import type { Platform } from "./runtime.ts";
import type { Link, LinkEvents, LinkRequest } from "./transport.ts";

// Loaded by itself where it is needed, and alone: it imports nothing but types, or bundlers would split the client further.

/** What a link over HTTP is made of. */
interface HttpTransport extends LinkRequest {
  readonly platform: Platform;
  readonly withQuery: typeof withQuery;
}

/** Milliseconds without a byte after which a line counts as dead: the server gives a sign of life every 20 seconds. */
const SILENT = 30_000;
/** Seconds that the server waits for a change before it answers that there was none. */
const WAIT = "25";
/** Milliseconds between two requests where no `hz` says another time: a busy feed is gathered meanwhile. */
const PAUSE = 250;
/** A close code of the same meaning as the end of a link that only begins anew: with another selection or token. */
const ANEW = 1012;

/** The close code of a feed that was removed. */
const REMOVED = 4404;
/** Says that the line lives; the view makes nothing of it. */
const ALIVE = "{}";

type Follow = (line: Line) => Promise<void>;

/** What a way to follow a feed has of its link. */
interface Line extends HttpTransport {
  readonly events: LinkEvents;
  /** Aborts when the link is let go. */
  readonly signal: AbortSignal;
  /** Asks the feed, from a position on. Ends the link, and rejects, where the server refuses or cannot be reached. */
  readonly ask: (accept: string, since: string | undefined, wait?: string) => Promise<Response>;
  /** The text of an answer as it comes. */
  readonly piecesOf: (response: Response) => AsyncIterable<string>;
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * Server-Sent Events, for networks that let no WebSocket through. Read by `fetch`, which can send a token.
 * @public Loaded by name.
 */
export const events = over(async ({ since, ask, piecesOf, events }) => {
  let isOpen = false;
  let rest = "";
  for await (const piece of piecesOf(await ask("text/event-stream", since))) {
    const blocks = (rest + piece).split("\n\n");
    rest = blocks.pop() ?? "";
    // Not before an event: a proxy that holds them back answers all the same, and is of no use.
    if (isOpen && blocks.length === 0) events.message(ALIVE);
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      isOpen ||= data !== undefined;
      const message = data?.slice("data: ".length) ?? ALIVE;
      if (isOpen) events.message(message);
      // A stream has no close code. Whoever came back would find an empty feed.
      if (isRemoval(message)) events.closed(REMOVED, "the feed was removed");
    }
  }
});

/**
 * Long-polling, for networks that hold streams back.
 * @public Loaded by name.
 */
export const polling = over(async ({ since, ask, piecesOf, events, pause, selection: { hz }, signal }) => {
  const tell = (message: object): void => events.message(JSON.stringify(message));
  const textOf = async (response: Response): Promise<string> => {
    let text = "";
    for await (const piece of piecesOf(response)) {
      text += piece;
      events.message(ALIVE);
    }
    return text;
  };
  const first = await ask("application/json", since);
  let [epoch, seq] = positionOf(first);
  // As a socket would begin: `hello`, and then what brings the view up to date.
  tell({ type: "hello", epoch, seq });
  const message: object = JSON.parse(await textOf(first));
  tell(since === undefined ? { ...message, type: "snapshot", reason: "initial" } : message);
  while (!signal.aborted) {
    await pause(hz === undefined ? PAUSE : 1000 / hz);
    const response = await ask("application/json", `${epoch}:${seq}`, WAIT);
    const [nextEpoch, nextSeq] = positionOf(response);
    if (response.status !== 204) {
      events.message(await textOf(response));
      [epoch, seq] = [nextEpoch, nextSeq];
    } else if (epoch === nextEpoch && seq < nextSeq) {
      // What has changed is not selected. The view has to come along, or the next change would not follow on it.
      tell({ type: "update", from: seq, seq: nextSeq, updates: [] });
      seq = nextSeq;
    } else events.message(ALIVE);
  }
});

/** Whether a message says that there is nothing to come back to. */
function isRemoval(message: string): boolean {
  return message.startsWith('{"type":"error",') && message.includes('"code":"not_found"');
}

function positionOf({ headers }: Response): [epoch: string, seq: number] {
  // A proxy that compresses makes it a weak one.
  const [, epoch, seq] = /"(.+):(\d+)"/.exec(headers.get("ETag") ?? "") ?? [];
  if (epoch === undefined) throw new Error("an answer without its position");
  return [epoch, Number(seq)];
}

/**
 * Links over HTTP, where the server can be told nothing: to change the selection or the token, a link ends and is made anew
 * from the same position.
 */
function over(follow: Follow): (transport: HttpTransport, owner: LinkEvents) => Link {
  return (transport, owner) => {
    const { platform, feed, selection, token, withQuery } = transport;
    const end = new AbortController();
    const { signal } = end;
    let heardAt = platform.now();

    const whileOurs = <Args extends unknown[]>(call: (...args: Args) => void) => {
      return (...args: Args) => void (signal.aborted || call(...args));
    };
    const closed = whileOurs((code: number, reason: string, retryAfter?: number) => {
      end.abort();
      owner.closed(code, reason, retryAfter);
    });
    const ask: Line["ask"] = async (accept, since, wait) => {
      const headers: Record<string, string> = { Accept: accept };
      if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
      const response = await platform.fetch(withQuery(feed, selection, { since, wait }), {
        headers,
        signal,
        cache: "no-store",
      });
      if (!response.ok) {
        const { status, headers } = response;
        const problem: { detail?: string } = await response.json().catch(() => ({}));
        // Close codes from 4000 on are HTTP statuses of the same meaning.
        const code = status < 500 || status === 503 ? 4000 + status : 1006;
        closed(code, problem.detail ?? "", Number(headers.get("Retry-After")) * 1000 || 0);
        throw new Error("refused");
      }
      heardAt = platform.now();
      return response;
    };
    async function* piecesOf({ body }: Response): AsyncIterable<string> {
      const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const piece = await reader?.read();
        if (!piece || piece.done) return;
        heardAt = platform.now();
        yield piece.value;
      }
    }
    const pause = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        const cancel = platform.setTimer(ms, resolve);
        signal.addEventListener("abort", () => {
          cancel();
          resolve();
        });
      });

    const events = { message: whileOurs(owner.message), closed };
    follow({ ...transport, events, signal, ask, piecesOf, pause }).then(
      () => closed(ANEW, "the stream has ended"),
      () => closed(1006, ""),
    );
    return {
      send(message) {
        if (message !== "ping") {
          if (!message.startsWith('{"type":"ack"')) queueMicrotask(() => closed(ANEW, "asking anew"));
          return;
        }
        // The way there and back is measured by another request; that this line lives, by what has come over it.
        if (platform.now() - heardAt > SILENT) return;
        platform.fetch(new URL("../../healthz", feed), { signal, cache: "no-store" }).then(
          () => events.message("pong"),
          () => {},
        );
      },
      close: () => end.abort(),
    };
  };
}
