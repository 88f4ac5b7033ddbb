import type { Connection } from "./connection.ts";

/** All connections of a feed, counted by where they come from. */
export class Connections {
  readonly #bySocket = new Map<WebSocket, Connection>();
  readonly #byAddress = new Map<string, number>();

  get size(): number {
    return this.#bySocket.size;
  }

  /** How many come from an address. */
  from(address: string): number {
    return this.#byAddress.get(address) ?? 0;
  }

  get(socket: WebSocket): Connection | undefined {
    return this.#bySocket.get(socket);
  }

  add(socket: WebSocket, connection: Connection): void {
    this.#bySocket.set(socket, connection);
    this.#count(connection, 1);
  }

  /** Forgets a connection that is gone. */
  remove(socket: WebSocket): void {
    const connection = this.#bySocket.get(socket);
    if (!connection) return;
    connection.forget();
    this.#bySocket.delete(socket);
    this.#count(connection, -1);
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#bySocket.values();
  }

  #count({ address }: Connection, by: 1 | -1): void {
    if (address === undefined) return;
    const count = this.from(address) + by;
    if (count > 0) this.#byAddress.set(address, count);
    else this.#byAddress.delete(address);
  }
}
