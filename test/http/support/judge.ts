import { expect } from "vitest";
import type { Mode } from "../../../src/protocol/codes.ts";
import type { Received } from "./carried-view.ts";
import { isWanted } from "../../support/view.ts";
import { restrict, selectedOf, type Era, type FeedModel } from "./feed-model.ts";

/**
 * Compares what a client received with what the feed is, by the contract's words: at each position that it comes to, it
 * has exactly the feed's entries there, restricted to its selection; no position goes back; nothing on the way is left
 * out or sent twice. The view itself has checked that `from` is the `seq` before.
 */
export function judge(model: FeedModel, received: Received, mode: Mode): void {
  const { message, before, after, entries, selected } = received;
  const what = `${JSON.stringify(message).slice(0, 500)} at ${before?.epoch}:${before?.seq}`;
  if (message.type === "hello" || message.more) return expect(after, what).toEqual(before);
  if (message.type !== "update" && message.type !== "snapshot") expect.unreachable(what);
  if (!after) return expect.unreachable(`no position after ${what}`);
  const was = model.eras.findIndex(({ epoch }) => epoch === before?.epoch);
  const is = model.eras.findIndex(({ epoch }) => epoch === after.epoch);
  expect(is, `the epoch goes back with ${what}`).toBeGreaterThanOrEqual(was);
  const era = model.eras[is];
  // A feed that was never published to keeps its epoch in memory alone: there may be several before the first that lasts.
  if (!era) return expect([after.seq, entries], what).toEqual([0, {}]);
  if (is === was) expect(after.seq, `the position goes back with ${what}`).toBeGreaterThanOrEqual(before!.seq);
  const state = era.states.get(after.seq);
  if (!state) return expect.unreachable(`no client may see the feed at ${after.seq}, as with ${what}`);
  expect(entries, `the view after ${what}`).toEqual(restrict(state, selected));
  if (message.type === "update") judgeUpdate(era, received, mode, what);
  else judgeReason(received, what);
}

/** Each update is sent, and once: one by one, or as one for each key that has changed. */
function judgeUpdate(era: Era, { message, selected }: Received, mode: Mode, what: string): void {
  const { from, seq, updates, skipped = 0 } = message;
  const passed = era.log.filter(({ seq: at }) => at > from! && at <= seq!);
  const expected = passed.flatMap((recorded) => selectedOf(recorded, selected) ?? []);
  if (mode === "all") {
    expect(updates, what).toEqual(expected);
    expect(skipped, what).toBe(0);
    return;
  }
  const changed = new Set(expected.map(({ key }) => key));
  // On return, a replica may not know yet that only other fields of a key have changed: it then sends its state.
  const states = new Set(selected.fields.length > 0 ? updates!.flatMap((it) => ("set" in it ? it.key : [])) : []);
  for (const { update } of passed)
    if (isWanted(selected.keys, update.key) && states.has(update.key)) changed.add(update.key);
  expect(updates!.map(({ key }) => key).toSorted(), what).toEqual([...changed].toSorted());
  // Of a part of the keys or fields it may be left out, where it is not known.
  const mayBeUnknown = (selected.keys.length > 0 || selected.fields.length > 0) && skipped === 0;
  if (!mayBeUnknown) expect(skipped + updates!.length, `skipped in ${what}`).toBe(expected.length);
}

/** The log reaches back to every position of these tests: a snapshot comes only where there is no way from `before`. */
function judgeReason({ message, resumes, before, after }: Received, what: string): void {
  const isElsewhere = before?.epoch !== after?.epoch;
  const isRight = {
    initial: !resumes,
    epoch_changed: before !== undefined && isElsewhere,
    reset: before !== undefined && isElsewhere,
    subscribe: before !== undefined && !isElsewhere,
  };
  const reason = Object.entries(isRight).find(([reason]) => reason === message.reason);
  expect(reason?.[1], `the reason of ${what}`).toBe(true);
}
