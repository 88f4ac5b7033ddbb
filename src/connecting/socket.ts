// Only this file has the socket: assigning `null` removes its one listener.
/* oxlint-disable unicorn/prefer-add-event-listener */

/** Seconds that a socket may be closing before it counts as closed. Its close code comes at the end of that. */
const MAX_CLOSING = 2;

/** Of a method, so that listeners of more specific events fit. */
type Listener<E> = { call(event: E): void }["call"] | null;

/** What is used of a WebSocket: browsers, Node and Workers have it, and packages such as `ws`. */
interface SocketLike {
  readonly readyState: number;
  readonly bufferedAmount?: number | undefined;
  binaryType: string;
  onopen: Listener<unknown>;
  onmessage: Listener<{ readonly data: unknown }>;
  onclose: Listener<{ readonly code: number; readonly reason: string }>;
  onerror: Listener<unknown>;
  send(data: string): void;
  close(): void;
}

export type SocketClass = new (url: string, protocols: string[]) => SocketLike;

/** What a socket to open says of itself. */
export interface SocketRequest {
  /** The URL over HTTP. */
  readonly url: URL;
  readonly protocol: string;
  readonly token: string | undefined;
}

/** None comes before `openSocket` has returned, and none after `closed`. */
export interface SocketEvents {
  readonly message: (frame: string | Uint8Array) => void;
  /** It has ended by itself, or never opened. `code`: 1006 if the server gave none. */
  readonly closed: (code: number, reason: string) => void;
}

export interface OpenSocket {
  /** Not before the first message. Dropped if it has ended. */
  send(text: string): void;
  /** Bytes that were sent and have not left yet; 0 if the runtime does not say. */
  backlog(): number;
  /** Ends it at once, without waiting for the server; no event follows. */
  close(): void;
}

/** May throw, if the attempt cannot even begin. */
export function openSocket(
  Socket: SocketClass,
  { url, protocol, token }: SocketRequest,
  { message, closed }: SocketEvents,
): OpenSocket {
  const socket = new Socket(url.href.replace("http", "ws"), [
    protocol,
    // Logs have URLs, but not this header.
    ...(token ? [`bearer.${subprotocolOf(token)}`] : []),
  ]);
  let closingFor = 0;
  const end = (code: number, reason: string): void => {
    release();
    closed(code, reason);
  };
  // When a server closes and then does not hang up, some implementations never say so (Node), others after a while.
  const watch = setInterval(() => socket.readyState > 1 && ++closingFor > MAX_CLOSING && end(1006, ""), 1000);
  const release = (): void => {
    clearInterval(watch);
    socket.onopen = socket.onmessage = socket.onclose = null;
  };
  socket.binaryType = "arraybuffer";
  // When workerd closes a connection, it only ends if the client has sent something before. The first pong only answers this.
  socket.onopen = () => socket.send("ping");
  let isAnswered = false;
  socket.onmessage = ({ data }) => {
    if (data === "pong" && !isAnswered) isAnswered = true;
    // `binaryType` says what else it is.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    else message(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
  };
  socket.onclose = ({ code, reason }) => end(code, reason);
  // A `close` event follows. Without a listener some implementations would throw.
  socket.onerror = () => {};
  return {
    send: (text) => socket.send(text),
    backlog: () => socket.bufferedAmount ?? 0,
    // Does not wait for the server's answer: it may never come.
    close() {
      release();
      socket.close();
    },
  };
}

/** A subprotocol may have few characters only. JWTs consist of them; keys like those of `openssl rand -base64` do not. */
function subprotocolOf(token: string): string {
  if (/^(?!base64url\.)[\w!#$%&'*+.^`|~-]+$/.test(token)) return token;
  return `base64url.${btoa(token).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}
