import type { Caller } from "../access/access.ts";
import { steadyClock } from "../limits/steady-clock.ts";
import { Counts } from "../limits/counts.ts";
import type { NoRoom } from "../protocol/codes.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Problem } from "./problem.ts";

/** Bytes of a body that arrive in one go, or nearly. */
export const SHORT = 16 * 1024;

/** Bytes of arriving bodies that this isolate holds: of one caller and of all. It has 128 MB of memory. */
const OF_ONE = 24 * 1024 * 1024;
const OF_ALL = 48 * 1024 * 1024;
/** The same of one token, and of all without a static key: there is always room for static keys. */
const OF_ONE_TOKEN = OF_ALL / 4;
const WITHOUT_KEY = (3 / 4) * OF_ALL;
/** Milliseconds after which a body counts no longer: its request was cancelled and could not say so. */
const FORGOTTEN = LIMITS.bodyTime + 10_000;

const now = steadyClock();

export type Sender = Pick<Caller, "id" | "kind">;

export interface ArrivingBody {
  /** Notes that so many bytes have come. Throws if the sender holds too much already, or all together do. */
  grow(bytes: number): void;
  release(): void;
}

interface Held {
  readonly sender: Sender;
  bytes: number;
  readonly until: number;
}

/** One for the isolate, whose memory it is. In the order in which they came, which is the order in which they are forgotten. */
const held = new Set<Held>();
const heldBy = new Counts();
let heldByKeys = 0;
let heldByOthers = 0;

/** Counts a body until `release`: bytes that have come, not those announced; `SHORT` at least, for its connection. */
export function holdBody(sender: Sender): ArrivingBody {
  for (const one of held) {
    if (one.until >= now()) break;
    drop(one);
  }
  const one: Held = { sender, bytes: SHORT, until: now() + FORGOTTEN };
  let arrived = 0;
  const grow = (bytes: number): void => {
    arrived += bytes;
    const more = arrived - one.bytes;
    if (more <= 0) return;
    demandSpace(sender, more);
    one.bytes += more;
    if (held.has(one)) count(sender, more);
  };
  demandSpace(sender, SHORT);
  held.add(one);
  count(sender, SHORT);
  return { grow, release: () => drop(one) };
}

function demandSpace({ id, kind }: Sender, more: number): void {
  const isKey = kind === "key";
  if (heldBy.of(id) + more > (isKey ? OF_ONE : OF_ONE_TOKEN)) throw tooMuchAtOnce("rate_limited");
  if (heldByKeys + heldByOthers + more > OF_ALL) throw tooMuchAtOnce("overloaded");
  if (!isKey && heldByOthers + more > WITHOUT_KEY) throw tooMuchAtOnce("overloaded");
}

function drop(one: Held): void {
  if (held.delete(one)) count(one.sender, -one.bytes);
}

function count({ id, kind }: Sender, bytes: number): void {
  if (kind === "key") heldByKeys += bytes;
  else heldByOthers += bytes;
  heldBy.add(id, bytes);
}

export function tooMuchAtOnce(code: NoRoom): Problem {
  return new Problem(code, "Too much is being published at once. Send it again.");
}
