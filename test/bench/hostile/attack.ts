import type { Filling } from "./feeds.ts";
import { HostileSocket } from "./socket.ts";
import type { HostileTarget } from "./target.ts";

/** Makes one attempt and returns its result: a status, or `closed` and a code. */
export type Attempt = () => Promise<string>;

/** One kind of message or request, as expensive as the limits allow. */
export interface Attack {
  readonly name: string;
  /** The feed on which it costs most. */
  readonly filling: Filling;
  /** Attacks that run at the same time in a loop. */
  readonly atOnce: number;
  /** Attempts a minute of the whole loop: what the edge lets through from one client IP or credential. */
  readonly aMinute?: number;
  /** Prepares one attacker. */
  begin(target: HostileTarget): Promise<Attempt>;
}

/** `[[ratelimits]]` of wrangler.toml, which a bare workerd does not have. */
export const ADDRESS_RATE = 1_000;

/** Attacks over one socket, and opens another when that one was closed. */
export async function overSocket(
  target: HostileTarget,
  query: string,
  headers: Record<string, string>,
  attempt: (socket: HostileSocket) => Promise<string>,
): Promise<Attempt> {
  let socket = await HostileSocket.open(target, query, headers);
  return async () => {
    if (!socket.isOpen) socket = await HostileSocket.open(target, query, headers);
    const result = await attempt(socket);
    return socket.code === 0 ? result : `closed ${socket.code}`;
  };
}

/** Sends messages over a socket, and waits for as many answers as `send` says, or for what else it says. */
export function burst(
  attack: Omit<Attack, "begin"> & { readonly headers?: Record<string, string> },
  send: (socket: HostileSocket) => number | (() => boolean),
): Attack {
  return {
    ...attack,
    begin: (target) =>
      overSocket(target, "keys=none", attack.headers ?? {}, async (socket) => {
        const before = socket.answers;
        const wanted = send(socket);
        await socket.until(typeof wanted === "number" ? () => socket.answers >= before + wanted : wanted);
        return "answered";
      }),
  };
}
