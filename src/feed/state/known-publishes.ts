import type { Receipt } from "../../protocol/server-messages.ts";
import { formatSessionKey, parseSessionKey, type SessionNumber } from "../../protocol/session-key.ts";
import type { EncodedUpdates } from "../../protocol/update.ts";
import { hash53 } from "./hash.ts";
import { Idempotency, type IdempotencyKey, type KeyedPublish, type RememberedPublish } from "./idempotency.ts";
import { PublisherSessions, type NumberState } from "./publisher-sessions.ts";

/** A publish with a key that has to be accepted now. */
export interface NewPublish extends KeyedPublish {
  /** If its key is one of a session. */
  readonly inSession: SessionNumber | undefined;
}

/** What is known of a publish with a key. */
export type Known =
  | { kind: "new"; publish: NewPublish }
  | { kind: "repeat"; receipt: Receipt }
  | {
      kind: "refused";
      code: "idempotency_mismatch" | "out_of_order" | "unknown_session" | "overloaded";
      detail: string;
      /** Seconds. */
      retryAfter?: number;
    };

/**
 * The publishes that a repeat is recognised by: those of sessions, of which each publisher has one record, and those with keys of
 * their own. Among the latter is the first of each session, so that a publisher that publishes once takes no record, and what
 * the version before, which knows no sessions, has accepted.
 */
export class KnownPublishes {
  readonly single: Idempotency;
  readonly sessions: PublisherSessions;
  readonly #seed: number;

  /** See `Idempotency`. */
  constructor(
    seed: number,
    stored: (ordinal: number) => RememberedPublish | undefined,
    sessions = new PublisherSessions(),
  ) {
    this.#seed = seed;
    this.single = new Idempotency(seed, stored);
    this.sessions = sessions;
  }

  look(key: IdempotencyKey, updates: EncodedUpdates, now: number): Known {
    const inSession = parseSessionKey(key.key);
    const publish = { ...key, content: hash53(updates, this.#seed), inSession };
    return inSession && inSession.number > 1
      ? this.#lookInSession({ ...publish, inSession }, now)
      : this.#lookAmongSingle(publish, now);
  }

  /** Notes that a publish was accepted. What it returns has to be stored. */
  remember({ inSession, ...publish }: NewPublish, at: number, receipt: Receipt): RememberedPublish {
    const { principal, credential, content } = publish;
    if (!inSession || inSession.number === 1) return this.single.remember({ ...publish, at, receipt });
    const owner = { principal, credential, id: inSession.session };
    this.sessions.accept(owner, inSession.number, { content, receipt }, at);
    return this.single.pass({ ...publish, at, receipt });
  }

  /** Restores a stored publish of a session. */
  restoreInSession(publish: RememberedPublish): void {
    const { principal, credential, receipt, ordinal, at } = publish;
    this.single.passed(ordinal);
    const inSession = sessionNumberOf(publish);
    if (!inSession) return;
    const { session: id, number, content } = inSession;
    this.sessions.restore({ principal, credential, id }, number, { content, receipt }, at);
  }

  #lookInSession(publish: NewPublish & { inSession: SessionNumber }, now: number): Known {
    const { principal, credential, content, inSession } = publish;
    const found = this.sessions.look(principal, inSession, content, now);
    if (found.kind === "repeat") return found;
    if (found.kind === "mismatch") return OTHER_BODY;
    const isSure = found.kind === "next" && found.isSure;
    const single = isSure ? undefined : this.#amongSingle(publish, now);
    if (single) return single;
    const refusal = this.#refusal(found, principal, inSession, now);
    if (refusal) return refusal;
    const wait = this.sessions.waitForRoom({ principal, credential, id: inSession.session }, now);
    return wait > 0 ? noRoom(wait) : { kind: "new", publish };
  }

  /** Why a number cannot be accepted; undefined if the one before it was. */
  #refusal(
    { kind }: NumberState,
    principal: string,
    { session, number }: SessionNumber,
    now: number,
  ): Known | undefined {
    if (kind === "next") return undefined;
    const isAmongSingle = (number: number): boolean =>
      this.single.has(formatSessionKey({ session, number }), principal, now);
    if (kind === "gap" || kind === "unknown") {
      if (isAmongSingle(number - 1)) return undefined;
      return kind === "unknown" && !isAmongSingle(1) ? UNKNOWN : GAP;
    }
    return OLD;
  }

  #lookAmongSingle(publish: NewPublish, now: number): Known {
    const found = this.#amongSingle(publish, now);
    if (found) return found;
    const { inSession, key, principal } = publish;
    if (inSession) {
      // The first of a session has one body, whichever credential it comes with.
      if (this.single.has(key, principal, now)) return OTHER_BODY;
      // The session goes on, and its first is forgotten.
      if (this.sessions.has(principal, inSession.session, now)) return OLD;
    }
    const wait = this.single.waitForRoom(publish.credential, now);
    return wait > 0 ? noRoom(wait) : { kind: "new", publish };
  }

  #amongSingle(publish: KeyedPublish, now: number): Known | undefined {
    const found = this.single.find(publish, now);
    if (!found || found.kind === "repeat") return found;
    return found.kind === "mismatch" ? OTHER_BODY : INCOMPARABLE;
  }
}

/** The session and number of a stored publish, unless it is remembered as any other. */
export function sessionNumberOf({
  key,
  content,
}: RememberedPublish): (SessionNumber & { content: number }) | undefined {
  const inSession = content === undefined ? undefined : parseSessionKey(key);
  return inSession && inSession.number > 1 && content !== undefined ? { ...inSession, content } : undefined;
}

const OTHER_BODY = refused("idempotency_mismatch", "The key was first used with another body.");
const INCOMPARABLE = refused(
  "idempotency_mismatch",
  "The key was first used in a POST of which only the bytes are known. Repeat it as a POST.",
);
const OLD = refused("idempotency_mismatch", "The session is so much further that this number is no longer remembered.");
const GAP = refused("out_of_order", "A publish of the session before this one was not accepted.");
const UNKNOWN = refused("unknown_session", "No publish of this session was accepted in the last ten minutes.");

function refused(code: Extract<Known, { kind: "refused" }>["code"], detail: string): Known {
  return { kind: "refused", code, detail };
}

function noRoom(wait: number): Known {
  const detail = "Too many publishes or sessions of this credential are remembered.";
  return { kind: "refused", code: "overloaded", detail, retryAfter: Math.ceil(wait / 1000) };
}
