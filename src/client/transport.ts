import type { Selection } from "./types.ts";

/** What one attempt to connect asks for. */
export interface LinkRequest {
  /** The feed's address over HTTP, without a query. */
  readonly feed: URL;
  readonly selection: Selection;
  /** The position to go on from, `epoch:seq`; nothing for a snapshot. It means the same on every transport. */
  readonly since: string | undefined;
  readonly token: string | undefined;
}

/** What a link tells its owner, never before `open` has returned. Once it was closed, nothing. */
export interface LinkEvents {
  /** One message of the server, by which it has opened: JSON as text, or bytes of the format that was asked for; or a bare `pong`. */
  readonly message: (frame: string | Uint8Array) => void;
  /**
   * A WebSocket close code, or 1006 where there is none; `retryAfter` milliseconds before which the server does not want
   * to see us. Nothing follows.
   */
  readonly closed: (code: number, reason: string, retryAfter?: number) => void;
}

export interface Link {
  /** One message to the server; not before it is open. Dropped where it no longer is. */
  send(text: string): void;
  /** Lets go at once: nothing is waited for, no event follows. */
  close(): void;
}

/** A way to the server. */
export interface Transport {
  /** May throw where the attempt cannot even begin, which is a loss like any other. */
  open(request: LinkRequest, events: LinkEvents): Link;
}
