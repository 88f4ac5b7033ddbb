import { IDEMPOTENCY_WINDOW } from "../../src/protocol/limits.ts";
import { parseSessionKey } from "../../src/protocol/session-key.ts";
import type { Receipt, Update } from "../../src/publisher/index.ts";

/** What the feed answers, whichever way it was asked. */
export type ModelAnswer =
  | { readonly receipt: Receipt; readonly replayed: boolean }
  | { readonly status: number; readonly code: string; readonly detail: string; readonly issues?: readonly object[] };

interface ModelSession {
  last: number;
  usedAt: number;
  readonly accepted: Map<number, { content: string; receipt: Receipt }>;
}

/**
 * A feed with the rules of publisher sessions: numbers strictly in order, the last 64 remembered, forgotten ten minutes after
 * their last use. Each principal's are its own. A batch with an update of a key that begins with `bad` is refused as a whole.
 */
export class ModelFeed {
  /** Every update applied, in order. */
  readonly applied: Update[] = [];
  epoch = "first";
  readonly sessions = new Map<string, ModelSession>();

  /** The feed was removed, and begins anew. */
  forget(): void {
    this.sessions.clear();
  }

  publish(principal: string, key: string, updates: readonly Update[]): ModelAnswer {
    const now = Date.now();
    const { session: id, number } = parseSessionKey(key) ?? { session: "no session", number: 0 };
    const name = `${principal} ${id}`;
    const known = this.sessions.get(name);
    const session =
      known && now - known.usedAt < IDEMPOTENCY_WINDOW ? known : { last: 0, usedAt: now, accepted: new Map() };
    const content = JSON.stringify(updates);
    const issues = updates.flatMap(({ key }, index) =>
      key.startsWith("bad") ? [{ index, path: "key", message: "is bad" }] : [],
    );
    if (issues.length > 0) return { status: 422, code: "invalid_update", detail: "No update was accepted.", issues };
    if (number <= session.last) {
      const earlier = session.accepted.get(number);
      if (earlier?.content === content) return { receipt: earlier.receipt, replayed: true };
      return { status: 422, code: "idempotency_mismatch", detail: "another batch" };
    }
    if (number > session.last + 1) {
      const code = session.last === 0 ? "unknown_session" : "out_of_order";
      return { status: 409, code, detail: "one before is missing" };
    }
    this.applied.push(...updates);
    const receipt = { feed: "stocks", epoch: this.epoch, seq: this.applied.length, accepted: updates.length, stale: 0 };
    session.accepted.set(number, { content, receipt });
    session.accepted.delete(number - 64);
    session.last = number;
    session.usedAt = now;
    this.sessions.set(name, session);
    return { receipt, replayed: false };
  }
}

/** The principal that sessions belong to: a token's subject, this very token, or all static keys. */
export function principalOf(credential: string | null | undefined): string {
  const [, payload] = (credential ?? "").split(".");
  if (payload === undefined) return "static";
  const { sub }: { sub?: string } = JSON.parse(atob(payload));
  return sub ?? payload;
}
