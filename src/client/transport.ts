import type { AnySelection } from "./selection.ts";

/** What one attempt to connect asks for. */
export interface LinkRequest {
  /** The feed's URL over HTTP, without a query. */
  readonly feed: URL;
  readonly selection: AnySelection;
  /** The position to resume from, `epoch:seq`; undefined for a snapshot. It means the same on every transport. */
  readonly since: string | undefined;
  readonly token: string | undefined;
}

/** Events of a link. None comes before `open` has returned, and none after `closed`. */
export interface LinkEvents {
  /** One message, as JSON text or bytes of the format asked for, or a bare `pong`. The first one opens the link. */
  readonly message: (frame: string | Uint8Array) => void;
  /** The link has ended. `code`: as of a WebSocket, 1006 if none. `retryAfter`: milliseconds not to come back in. */
  readonly closed: (code: number, reason: string, retryAfter?: number) => void;
}

/** One attempt to connect, and the connection that comes of it. */
export interface Link {
  /** Sends one message; not before the link is open. Dropped if it no longer is. */
  send(text: string): void;
  /** Ends the link at once, without waiting for the server; no event follows. */
  close(): void;
}

/** One way to reach the server: WebSocket, Server-Sent Events or long-polling. */
export interface Transport {
  /** Its links carry any message, and the answers. Those of others carry `subscribe` alone. */
  readonly isTwoWay?: boolean;
  /** May throw if the attempt cannot even begin, which counts as a loss like any other. */
  open(request: LinkRequest, events: LinkEvents): Link;
}
