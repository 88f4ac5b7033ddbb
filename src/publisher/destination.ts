import type { SocketClass } from "../connecting/socket.ts";
import type { Capacity } from "./queue.ts";
import type { Key } from "./types.ts";

/** Where to send to, and how. */
export interface Destination {
  /** The feed's URL. */
  readonly url: string;
  readonly feed: string;
  readonly key: Key | undefined;
  readonly fetch: typeof globalThis.fetch;
  /** Undefined if only POSTs are to be used. */
  readonly Socket: SocketClass | undefined;
  /** Whether POSTs may be used. */
  readonly posts: boolean;
  readonly inFlight: number;
  readonly capacity: Capacity;
  /** The most updates under way: what is sent can be neither merged nor dropped any more. */
  readonly updatesUnderWay: number;
  /** Milliseconds that an answer may take. */
  readonly timeout: number;
  readonly gzipOver: number;
  readonly giveUpAfter: number;
}
