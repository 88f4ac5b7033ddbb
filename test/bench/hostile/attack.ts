import type { Filling } from "./feeds.ts";
import { HostileSocket } from "./socket.ts";
import type { HostileTarget } from "./target.ts";

/** Does one attack and returns what came of it: a status, or `closed` and a code. */
export type Strike = () => Promise<string>;

/** One kind of message or request, as expensive as the limits allow. */
export interface Attack {
  readonly name: string;
  /** The feed on which it costs most. */
  readonly filling: Filling;
  /** Strikes that run at the same time in a loop. */
  readonly atOnce: number;
  /** Strikes a minute of the whole loop: what the edge lets through from one client IP or credential. */
  readonly aMinute?: number;
  /** Prepares one attacker. */
  begin(target: HostileTarget): Promise<Strike>;
}

/** `[[ratelimits]]` of wrangler.toml, which a bare workerd does not have. */
export const ADDRESS_RATE = 1_000;

/** Strikes over one socket, and opens another when that one was closed. */
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
