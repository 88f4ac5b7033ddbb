import type { withQuery } from "./address.ts";
import type { Platform } from "./platform.ts";
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
/** The close code after which the client begins with a WebSocket again. */
const BETTER = 1001;
/** Milliseconds until the first event: a proxy that holds them back lets none through. */
const FIRST = 4_000;
/**
 * Milliseconds after which a link ends, so that a WebSocket is tried again; each time twice as long, up to the most. After
 * an outage of the server the first is soon; in a network that has none, the last is seldom.
 */
let patience = 60_000;
const MOST_PATIENCE = 15 * 60_000;

type Follow = (line: Line) => Promise<void>;

/** What a way to follow a feed has of its link. */
interface Line extends HttpTransport {
  readonly events: LinkEvents;
  /** Aborts when the link is let go. */
  readonly signal: AbortSignal;
  /** Asks the feed, from a position on. Ends the link, and rejects, where the server refuses or cannot be reached. */
  readonly ask: (accept: string, since: string | undefined, wait?: string) => Promise<Response>;
  /** Notes that something has come. */
  readonly heard: () => void;
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * Server-Sent Events, for networks that let no WebSocket through. Read by `fetch`, which can send a token.
 * @public Loaded by name.
 */
export const events = over(async ({ since, ask, heard, events, pause }) => {
  let isOpen = false;
  void pause(FIRST).then(() => isOpen || events.closed(1006, ""));
  const { body } = await ask("text/event-stream", since);
  if (!body) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data === undefined) continue;
      // Not before: a proxy that holds events back answers all the same, and is of no use.
      if (!isOpen) events.opened();
      isOpen = true;
      events.message(data.slice("data: ".length));
    }
  }
});

/**
 * Long-polling, for networks that hold streams back.
 * @public Loaded by name.
 */
export const polling = over(async ({ since, ask, heard, events, pause, selection: { hz }, signal }) => {
  const first = await ask("application/json", since);
  let position = positionOf(first);
  const message: object = await first.json();
  const [epoch, seq] = position.split(":");
  // As a socket would begin: `hello`, and then what brings the view up to date.
  events.opened();
  events.message(JSON.stringify({ type: "hello", epoch, seq: Number(seq) }));
  events.message(JSON.stringify(since === undefined ? { ...message, type: "snapshot", reason: "initial" } : message));
  while (!signal.aborted) {
    await pause(hz === undefined ? PAUSE : 1000 / hz);
    const response = await ask("application/json", position, WAIT);
    position = positionOf(response);
    const text = await response.text();
    heard();
    // A change, or that there was none: the view makes nothing of that, but it is a sign of life.
    events.message(text || '{"type":"unchanged"}');
  }
});

function positionOf({ headers }: Response): string {
  // A proxy that compresses makes it a weak one.
  const position = /"(.+)"/.exec(headers.get("ETag") ?? "")?.[1];
  if (position === undefined) throw new Error("an answer without its position");
  return position;
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
    const closed = whileOurs((code: number, reason: string) => {
      end.abort();
      owner.closed(code, reason);
    });
    const heard = (): void => void (heardAt = platform.now());
    const ask: Line["ask"] = async (accept, since, wait) => {
      const headers: Record<string, string> = { Accept: accept };
      if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
      const response = await platform.fetch(withQuery(feed, selection, { since, wait }), {
        headers,
        signal,
        cache: "no-store",
      });
      if (!response.ok) {
        // Close codes from 4000 on are HTTP statuses of the same meaning.
        closed(response.status < 500 || response.status === 503 ? 4000 + response.status : 1006, "");
        throw new Error("refused");
      }
      heard();
      return response;
    };
    const pause = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        const cancel = platform.setTimer(ms, resolve);
        signal.addEventListener("abort", () => {
          cancel();
          resolve();
        });
      });

    void pause(patience).then(() => {
      if (signal.aborted) return;
      patience = Math.min(2 * patience, MOST_PATIENCE);
      closed(BETTER, "looking for a better way");
    });
    const events = { opened: whileOurs(owner.opened), message: whileOurs(owner.message), closed };
    follow({ ...transport, events, signal, ask, heard, pause }).then(
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
