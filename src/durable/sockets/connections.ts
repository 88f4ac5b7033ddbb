import { Places, type CountedCaller } from "../../limits/places.ts";
import type { NoRoom, Quotas } from "../../limits/quotas.ts";
import { CLOSE } from "../../protocol/codes.ts";
import { loadState, type ReadSelections, type SocketState } from "./attachment.ts";
import { Connection } from "./connection.ts";

/**
 * All connections of a feed. Where the object lost its memory they are known again by what they carry themselves: one of
 * them when it is needed, or all. One that was closed from here keeps its place until its client is gone: whoever
 * never answers cannot pile up what is closed.
 */
export class Connections {
  readonly #sockets: () => WebSocket[];
  readonly #bySocket = new Map<WebSocket, Connection>();
  readonly #here = new Set<Connection>();
  readonly #places: Places;
  #areAll = false;

  /** `sockets` gives all that the platform holds. */
  constructor(sockets: () => WebSocket[], { sockets: most, socketsPerIp }: Quotas) {
    this.#sockets = sockets;
    this.#places = new Places(most, socketsPerIp);
  }

  /** The connection of a socket; nothing where it has none that can be gone on with. */
  of(socket: WebSocket, read: ReadSelections = new Map()): Connection | undefined {
    const known = this.#bySocket.get(socket);
    if (known) return known;
    const state = loadState(socket, read);
    if (state) return this.#add(socket, new Connection(socket, state));
    if (socket.readyState === WebSocket.OPEN) socket.close(CLOSE.restart, "come back");
    return undefined;
  }

  /** Every connection there is. */
  all(): Iterable<Connection> {
    if (!this.#areAll) {
      const read: ReadSelections = new Map();
      for (const socket of this.#sockets()) if (socket.readyState !== WebSocket.CLOSED) this.of(socket, read);
      this.#areAll = true;
    }
    return this.#here;
  }

  /** Why there is no place for one more; nothing where there is one. */
  refusal(caller: CountedCaller): NoRoom | undefined {
    this.all();
    return this.#places.refusal(caller);
  }

  /** Adds a socket that has just been accepted. */
  open(socket: WebSocket, state: SocketState): Connection {
    return this.#add(socket, new Connection(socket, state));
  }

  /** Another credential takes another place: one that has one keeps it. One that is gone takes none. */
  grant(connection: Connection, caller: CountedCaller, publishes: boolean, expires: number | undefined): void {
    if (!this.#here.has(connection)) return;
    this.#places.leave(connection.caller);
    connection.grant(caller, publishes, expires);
    this.#places.take(caller);
  }

  /** Forgets a connection that is gone. */
  remove(socket: WebSocket): void {
    const connection = this.#bySocket.get(socket);
    if (!connection) return;
    connection.forget();
    this.#bySocket.delete(socket);
    this.#here.delete(connection);
    this.#places.leave(connection.caller);
  }

  #add(socket: WebSocket, connection: Connection): Connection {
    this.#bySocket.set(socket, connection);
    this.#here.add(connection);
    this.#places.take(connection.caller);
    return connection;
  }
}
