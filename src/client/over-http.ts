/*! eventsource-parser, MIT License, Copyright (c) Espen Hovlandsdal, https://github.com/rexxars/eventsource-parser */
import { createParser } from "eventsource-parser";
import type { CLOSE } from "../protocol/codes.ts";
import type { withQuery } from "./feed-url.ts";
import type { Runtime } from "./runtime.ts";
import type { Link, LinkEvents, LinkRequest } from "./transport.ts";

// Loaded when it is first used. It shares no code with the rest of the client, only types: bundlers would put shared code
// into one more file, which every page would load.

interface HttpLinkRequest extends LinkRequest {
  readonly runtime: Runtime;
  readonly withQuery: typeof withQuery;
}

/** Milliseconds without a byte after which a link counts as dead: the server sends something every 20 seconds. */
const SILENT = 30_000;
/** Seconds that the server waits for a change before it answers that there was none. */
const WAIT = "25";
/** Milliseconds between two polls if no `hz` is given: meanwhile the changes of a busy feed are merged. */
const PAUSE = 250;
/** The close codes of the same meaning: come back at once, e.g. with another selection or token; and the feed is gone. */
const AGAIN: typeof CLOSE.restart = 1012;
const REMOVED: typeof CLOSE.removed = 4404;
/** Shows that the link lives; the view ignores it. */
const ALIVE = "{}";

/** What a reader has of its link. */
interface HttpLink extends HttpLinkRequest {
  readonly events: LinkEvents;
  /** Aborts when the link has ended. */
  readonly signal: AbortSignal;
  /** Requests the feed from a position on. Ends the link, and rejects, if the server refuses or cannot be reached. */
  readonly request: (accept: string, since: string | undefined, wait?: string) => Promise<Response>;
  /** The text of a response as it comes. */
  readonly piecesOf: (response: Response) => AsyncIterable<string>;
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * Server-Sent Events, for networks that let no WebSocket through. Read with `fetch`, which can send a token.
 * @public Loaded by name.
 */
export const events = httpTransport(async ({ since, request, piecesOf, events }) => {
  /** With the first event, not before: a proxy that holds events back answers all the same, and is of no use. */
  let isOpen = false;
  let isAlive = false;
  const parser = createParser({
    onEvent({ data }) {
      isOpen = isAlive = true;
      events.message(data);
      // A stream has no close code. A client that came back would find an empty feed.
      if (isRemoval(data)) events.closed(REMOVED, "the feed was removed");
    },
  });
  for await (const piece of piecesOf(await request("text/event-stream", since))) {
    isAlive = false;
    parser.feed(piece);
    if (isOpen && !isAlive) events.message(ALIVE);
  }
});

/**
 * Long-polling, for networks that hold streams back.
 * @public Loaded by name.
 */
export const polling = httpTransport(async (link) => {
  const { since, request, piecesOf, events, pause, signal } = link;
  const { hz } = link.selection;
  const emit = (message: object): void => events.message(JSON.stringify(message));
  const textOf = async (response: Response): Promise<string> => {
    let text = "";
    for await (const piece of piecesOf(response)) {
      text += piece;
      events.message(ALIVE);
    }
    return text;
  };
  const first = await request("application/json", since);
  let [epoch, seq] = positionOf(first);
  // A socket begins the same way: `hello`, and then what brings the view up to date.
  emit({ type: "hello", epoch, seq });
  const message: object = JSON.parse(await textOf(first));
  emit(since === undefined ? { ...message, type: "snapshot", reason: "initial" } : message);
  while (!signal.aborted) {
    await pause(hz === undefined ? PAUSE : 1000 / hz);
    const response = await request("application/json", `${epoch}:${seq}`, WAIT);
    const [nextEpoch, nextSeq] = positionOf(response);
    if (response.status !== 204) {
      events.message(await textOf(response));
      [epoch, seq] = [nextEpoch, nextSeq];
    } else if (epoch === nextEpoch && seq < nextSeq) {
      // Only keys that are not selected have changed. The view has to move along, or the next update would be a gap.
      emit({ type: "update", from: seq, seq: nextSeq, updates: [] });
      seq = nextSeq;
    } else events.message(ALIVE);
  }
});

/** Whether a message says that the feed was removed. */
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
 * Opens links over HTTP; `read` reads a feed until its link ends. Nothing can be sent to the server over them: to change
 * the selection or the token, a link ends, and the next one resumes from the same position.
 */
function httpTransport(read: (link: HttpLink) => Promise<void>) {
  return (linkRequest: HttpLinkRequest, listener: LinkEvents): Link => {
    const { runtime, feed, selection, token, withQuery } = linkRequest;
    const end = new AbortController();
    const { signal } = end;
    let heardAt = runtime.now();

    const unlessEnded = <Args extends unknown[]>(call: (...args: Args) => void) => {
      return (...args: Args) => void (signal.aborted || call(...args));
    };
    const closed = unlessEnded((code: number, reason: string, retryAfter?: number) => {
      end.abort();
      listener.closed(code, reason, retryAfter);
    });
    const request: HttpLink["request"] = async (accept, since, wait) => {
      const headers: Record<string, string> = { Accept: accept };
      if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
      const url = withQuery(feed, selection, { since, wait });
      const response = await runtime.fetch(url, { headers, signal, cache: "no-store" });
      if (!response.ok) {
        const { status, headers } = response;
        const problem: { detail?: string } = await response.json().catch(() => ({}));
        // Close codes from 4000 on are HTTP statuses of the same meaning.
        const code = status < 500 || status === 503 ? 4000 + status : 1006;
        closed(code, problem.detail ?? "", Number(headers.get("Retry-After")) * 1000 || 0);
        throw new Error("refused");
      }
      heardAt = runtime.now();
      return response;
    };
    async function* piecesOf({ body }: Response): AsyncIterable<string> {
      const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const piece = await reader?.read();
        if (!piece || piece.done) return;
        heardAt = runtime.now();
        yield piece.value;
      }
    }
    const pause = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        const cancel = runtime.setTimer(ms, resolve);
        signal.addEventListener("abort", () => {
          cancel();
          resolve();
        });
      });

    const events = { message: unlessEnded(listener.message), closed };
    read({ ...linkRequest, events, signal, request, piecesOf, pause }).then(
      () => closed(AGAIN, "the stream has ended"),
      () => closed(1006, ""),
    );
    return {
      send(message) {
        if (message !== "ping") {
          if (!message.startsWith('{"type":"ack"')) queueMicrotask(() => closed(AGAIN, "asking anew"));
          return;
        }
        // Another request measures the latency; what came over this link shows whether it lives.
        if (runtime.now() - heardAt > SILENT) return;
        runtime.fetch(new URL("../../healthz", feed), { signal, cache: "no-store" }).then(
          () => events.message("pong"),
          () => {},
        );
      },
      close: () => end.abort(),
    };
  };
}
