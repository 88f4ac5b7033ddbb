import type { Filling } from "./feeds.ts";
import { HostileSocket } from "./socket.ts";
import type { HostileTarget } from "./target.ts";

/** Does its worst once, and says what came of it: a status, or `closed` and a code. */
export type Strike = () => Promise<string>;

/** One kind of message or request, as expensive as its limits let it be. */
export interface Attack {
  readonly name: string;
  /** The feed that it costs most on. */
  readonly filling: Filling;
  /** So many go on at a time in a loop. */
  readonly atOnce: number;
  /** Strikes of a loop a minute, over all that go on: what the edge lets through of one address or credential. */
  readonly aMinute?: number;
  /** Prepares one of those that strike. */
  begin(target: HostileTarget): Promise<Strike>;
}

/** `[[ratelimits]]` of wrangler.toml, which a bare workerd does not have. */
export const ADDRESS_RATE = 1_000;

/** Strikes over one socket, another one where the last was closed. */
export async function overSocket(
  target: HostileTarget,
  query: string,
  headers: Record<string, string>,
  strike: (socket: HostileSocket) => Promise<string>,
): Promise<Strike> {
  let socket = await HostileSocket.open(target, query, headers);
  return async () => {
    if (!socket.isOpen) socket = await HostileSocket.open(target, query, headers);
    const came = await strike(socket);
    return socket.code === 0 ? came : `closed ${socket.code}`;
  };
}
