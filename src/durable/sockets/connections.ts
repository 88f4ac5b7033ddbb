import type { Caller } from "../../access/access.ts";
import { Places, type CountedCaller } from "../../limits/places.ts";
import type { Quotas } from "../../limits/quotas.ts";
import { CLOSE, type NoRoom } from "../../protocol/codes.ts";
import { loadState, saveState, type ReadSelections, type SocketState } from "./attachment.ts";
import { Connection } from "./connection.ts";

/**
 * Connections that an alarm closes: some 10 ms. Very many may have credentials that expire at one moment, and the object serves
 * others before the next alarm.
 */
export const CLOSED_AT_ONCE = 250;

/**
 * All connections of a feed. After a loss of memory they are rebuilt from their attachments: a single one when it is
 * needed, or all. A connection that was closed from here keeps its place until its client is gone: a client that never
 * answers the close cannot pile up closed connections.
 */
export class Connections {
  readonly #sockets: () => WebSocket[];
  readonly #wakeBy: (at: number) => void;
  readonly #bySocket = new Map<WebSocket, Connection>();
  readonly #present = new Set<Connection>();
  readonly #places: Places;
  /** Those that only publish. */
  #publishers = 0;
  /** Whether every socket has its connection here. */
  #areAllRebuilt = false;

  /**
   * `sockets` gives all sockets that the platform holds. `wakeBy` has `closeExpired` called at a time, in milliseconds since
   * 1970.
   */
  constructor(sockets: () => WebSocket[], { sockets: most, socketsPerIp }: Quotas, wakeBy: (at: number) => void) {
    this.#sockets = sockets;
    this.#wakeBy = wakeBy;
    this.#places = new Places(most, socketsPerIp);
  }

  /** The connection of a socket; undefined, and the socket is closed, if its attachment cannot be read. */
  of(socket: WebSocket, read: ReadSelections = new Map()): Connection | undefined {
    const known = this.#bySocket.get(socket);
    if (known) return known;
    const state = loadState(socket, read);
    if (state) {
      const connection = this.#add(socket, new Connection(socket, state));
      if ("closed" in state) connection.close(state.closed, "closed before");
      return connection;
    }
    if (socket.readyState === WebSocket.OPEN) socket.close(CLOSE.restart, "come back");
    return undefined;
  }

  /** The connection that a message came from; undefined if it takes no messages, for one because its credential expired. */
  receiving(socket: WebSocket, now: number): Connection | undefined {
    const connection = this.of(socket);
    if (!connection?.isOpen || connection.closeIfExpired(now)) return undefined;
    this.#wakeForExpiry(connection);
    return connection;
  }

  all(): Iterable<Connection> {
    if (!this.#areAllRebuilt) {
      const read: ReadSelections = new Map();
      for (const socket of this.#sockets()) if (socket.readyState !== WebSocket.CLOSED) this.of(socket, read);
      this.#areAllRebuilt = true;
    }
    return this.#present;
  }

  /** Places that are taken. */
  get count(): number {
    this.all();
    return this.#present.size;
  }

  /** Places that subscribers have taken. */
  get subscribers(): number {
    return this.count - this.#publishers;
  }

  open(): Connection[] {
    return [...this.all()].filter(({ isOpen }) => isOpen);
  }

  /**
   * Closes connections whose credential has expired, `most` of them, and asks for the alarm for the others: at once for
   * those that are left.
   */
  closeExpired(now: number, most = Infinity): void {
    let closed = 0;
    for (const connection of this.all()) {
      if (closed < most && connection.closeIfExpired(now)) closed++;
      else this.#wakeForExpiry(connection);
    }
  }

  /** Why there is no place for one more; undefined if there is one. */
  refusal(caller: CountedCaller): NoRoom | undefined {
    this.all();
    return this.#places.refusal(caller);
  }

  add(socket: WebSocket, state: SocketState): Connection {
    const connection = this.#add(socket, new Connection(socket, state));
    // A subscriber's is saved with what it is sent.
    if (connection.onlyPublishes) saveState(socket, state);
    this.#wakeForExpiry(connection);
    return connection;
  }

  /**
   * Gives a connection another credential, and with it another place: a connection that has a place keeps one. A
   * connection that is gone takes none.
   */
  grant(
    connection: Connection,
    { kind, id, subject, expires }: Pick<Caller, "kind" | "id" | "subject" | "expires">,
    publishes: boolean,
  ): void {
    if (!this.#present.has(connection)) return;
    const { clientIp } = connection.caller;
    this.#places.leave(connection.caller);
    const credential = kind === "anonymous" ? undefined : id;
    connection.grant({ clientIp, kind, credential, subject }, publishes, expires);
    this.#places.take(connection.caller);
    this.#wakeForExpiry(connection);
  }

  /** Returns the connection that is gone, if it was known. */
  remove(socket: WebSocket): Connection | undefined {
    const connection = this.#bySocket.get(socket);
    if (!connection) return undefined;
    connection.unsubscribe();
    this.#bySocket.delete(socket);
    this.#present.delete(connection);
    if (connection.onlyPublishes) this.#publishers--;
    this.#places.leave(connection.caller);
    return connection;
  }

  /** The alarm is set already for most connections, unless the platform has lost it. */
  #wakeForExpiry({ expires }: Connection): void {
    if (expires !== undefined) this.#wakeBy(expires);
  }

  #add(socket: WebSocket, connection: Connection): Connection {
    this.#bySocket.set(socket, connection);
    this.#present.add(connection);
    if (connection.onlyPublishes) this.#publishers++;
    this.#places.take(connection.caller);
    return connection;
  }
}
