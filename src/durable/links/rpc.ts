/// <reference lib="esnext.disposable" />
import type { Position } from "../../protocol/position.ts";
import type { LinkReport, Push } from "../../replication/links.ts";
import type { PublishOutcome, PublishRequest } from "../requests/publish-queue.ts";

/*
 * What a leader and its replicas ask of each other. Each imports this file and not the other's class: the two would form a
 * ring. For a while, the two may be of different deployments.
 */

/** A leader's answer to a replica that asks for what it lacks. */
export type FollowAnswer =
  /** Records that join on to the replica's position. `isEnd`: nothing after them is committed. */
  | { readonly kind: "records"; readonly push: Push; readonly isEnd: boolean }
  /** The whole feed, as `encodeState` writes it, in UTF-8; it may have been begun before `seq`, the leader's now. */
  | { readonly kind: "state"; readonly lines: ReadableStream<Uint8Array>; readonly seq: number };

/**
 * Ends a call whose answer was an object, once it is read. Until then, or until it is collected as garbage, the call counts as
 * under way where the two are not in one process, and neither of them hibernates.
 */
export function release(answer: object | undefined): void {
  // One that no platform has brought has nothing to let go of.
  const dispose: unknown = answer && Reflect.get(answer, Symbol.dispose);
  if (typeof dispose === "function") dispose.call(answer);
}

/** Records as lines, from just after a seq to another. */
export interface LogLines {
  readonly lines: string;
  readonly seq: number;
}

/**
 * What a replica is to its leader: it `follows`; is `unknown`, and has to ask for what it lacks in order to follow;
 * `dismissed`, as there are to be no replicas; or has missed that the feed was `removed`.
 */
export type Standing = "follows" | "unknown" | "dismissed" | "removed";

/** What a replica asks of its leader. */
export interface Leader extends Rpc.DurableObjectBranded {
  /** What a replica lacks that is at `position`, or has nothing. From now on it gets all that is committed. */
  follow(replica: string, position: Position | undefined): FollowAnswer;
  /** A piece of the log after a seq; undefined if the log does not go back so far, or the epoch is another. */
  readLog(epoch: string, after: number, replica: string): Promise<LogLines | undefined>;
  /** What a replica serves has changed. */
  report(replica: string, report: LinkReport): Standing;
  /** What a replica is to the leader. Does not open the feed. */
  standing(replica: string): Standing;
  acceptBatch(
    batch: string,
    account: string,
    idempotency?: PublishRequest["idempotency"],
    subject?: string,
  ): Promise<string | PublishOutcome>;
}

/** A replica's answer to a push. `leaves`: it serves nobody, and will ask again when it does. */
export interface PushAnswer extends LinkReport {
  readonly leaves?: true;
}

/** The same as text: it costs less to hand over than an object, and leaves nothing to release. */
export function encodePushAnswer(answer: PushAnswer): string {
  return JSON.stringify(answer);
}

export function readPushAnswer(text: string): PushAnswer {
  const answer: PushAnswer = JSON.parse(text);
  return answer;
}

/** What a leader asks of a replica. */
export interface Replica extends Rpc.DurableObjectBranded {
  /** Takes what was committed. Answers once it has it, by asking the leader for what is missing before it, if need be. The text is a `PushAnswer`. */
  deliver(push: Push): Promise<string>;
  /** Where it is, and what it serves. */
  describe(): LinkReport;
  /** The feed was removed: closes all sockets. */
  forget(): void;
}

/** Of a feed with replicas. Milliseconds. */
export interface LinkTimes {
  /** For which all replicas have had all before the leader is sure of it: fewer than it takes to hibernate. */
  readonly settled: number;
  /** From one report of what a replica serves to the next. */
  readonly report: number;
  /** For which others may read along once one has begun to read the whole state. */
  readonly join: number;
  /** From one look of a replica with subscribers, whether it has heard of its leader, to the next. */
  readonly quiet: number;
}
