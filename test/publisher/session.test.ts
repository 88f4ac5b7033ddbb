import { expect, test } from "vitest";
import { PublishRefusedError, type Update } from "../../src/publisher/index.ts";
import { encodeCall, updatesOf, type Call } from "../../src/publisher/call.ts";
import { Session, type Batch } from "../../src/publisher/session.ts";
import type { SentRequest } from "../../src/publisher/repetition.ts";
import { ModelFeed } from "./model-feed.ts";

const MINUTE = 60_000;

function callOf(update: Update): Call {
  return { ...encodeCall(update), outcomes: [] };
}

const at = (minutes: number, principal = ""): SentRequest => ({
  time: minutes * MINUTE,
  ticks: minutes * MINUTE,
  principal,
});

/** A session and a feed, with a clock that is an argument. */
function begin() {
  const session = new Session();
  const feed = new ModelFeed();
  return {
    session,
    feed,
    add: (...keys: string[]) => session.add(keys.map((key) => callOf({ key, set: {} }))),
    /** Sends a batch. Returns what makes this sending arrive at the feed. */
    send: (batch: Batch, now = at(0)) => {
      session.begin(batch, now.time);
      const admission = session.admit(batch, now);
      if ("problem" in admission) throw new Error(admission.problem);
      const updates = updatesOf(batch.calls);
      return () => feed.publish(now.principal, admission.key, updates);
    },
    lose: (batch: Batch) => session.cameBack(batch, { type: "failed", reason: "lost", afterMs: 0, doubtful: true }),
    refuse: (batch: Batch) => session.cameBack(batch, { type: "refused", error: new PublishRefusedError("no") }),
    applied: () => feed.applied.map(({ key }) => key).join(" "),
  };
}

test("[I1] behind a batch that is refused, one that is in doubt can no longer be applied under its old number", () => {
  const { session, add, send, lose, refuse, applied } = begin();
  const [bad, doubtful] = [add("bad"), add("B")];
  const [badArrives, late] = [send(bad), send(doubtful)];
  expect(badArrives()).toMatchObject({ code: "invalid_update" });
  refuse(bad);
  lose(doubtful);
  session.replaceHead([]);
  expect(send(doubtful)()).toMatchObject({ replayed: false });
  session.accepted(doubtful, at(0));
  // Now the feed is where the old number would be next.
  expect(late()).not.toHaveProperty("receipt");
  expect(applied()).toBe("B");
});

test("a number that was refused is given to what comes next, without a new session", () => {
  const { session, add, send, refuse, feed, applied } = begin();
  const first = add("A");
  send(first)();
  session.accepted(first, at(0));
  const [bad, next] = [add("B", "bad", "C"), add("D")];
  for (const batch of [bad, next]) {
    send(batch)();
    refuse(batch);
  }
  session.replaceHead([bad.calls.slice(0, 1), bad.calls.slice(2)]);
  for (let batch = session.head; batch; batch = session.head) {
    expect(send(batch)()).toHaveProperty("receipt");
    session.accepted(batch, at(0));
  }
  expect(applied()).toBe("A B C D");
  expect(feed.sessions.size).toBe(1);
});

test("[I1] what is left when the outcome of others is unknown gets a new session: late ones find another number", () => {
  const { session, add, send, lose, refuse, applied } = begin();
  const [lost, also, next] = [add("A"), add("B"), add("C")];
  const late = [send(lost), send(also)];
  send(next);
  lose(lost);
  lose(also);
  refuse(next);
  expect(session.takeDoubtful()).toEqual([lost, also]);
  expect(send(next)()).toHaveProperty("receipt");
  session.accepted(next, at(0));
  for (const arrive of late) arrive();
  expect(applied()).toBe("C A B");
});

test("a receipt that comes out of turn ends its own batch only", () => {
  const { session, add, send } = begin();
  const batches = [add("A"), add("B"), add("C")];
  for (const batch of batches) send(batch);
  if (batches[1]) session.accepted(batches[1], at(0));
  expect(session.batches).toEqual([batches[0], batches[2]]);
  expect(session.underWay).toBe(2);
});

test.each([
  ["a minute later", 1.1, ""],
  ["for another principal", 0, "alice"],
])("%s a new session begins, unless something is in doubt", (_, minutes, principal) => {
  for (const isDoubtful of [false, true]) {
    const { session, add, send, lose, feed } = begin();
    const first = add("A");
    send(first)();
    session.accepted(first, at(0));
    const second = add("B");
    if (isDoubtful) {
      send(second);
      lose(second);
      if (principal)
        expect(session.admit(second, at(minutes, principal))).toMatchObject({
          problem: expect.stringContaining("another identity"),
        });
      else expect(send(second, at(minutes))()).toHaveProperty("receipt");
    } else expect(send(second, at(minutes, principal))()).toHaveProperty("receipt");
    expect(feed.sessions.size).toBe(isDoubtful ? 1 : 2);
  }
});

test("a session counts as used when a batch was first sent, if its receipt came only with a repetition", () => {
  const { session, add, send, lose, feed } = begin();
  const first = add("A");
  send(first)();
  lose(first);
  send(first, at(8));
  session.accepted(first, at(8));
  // The feed forgets the session in two minutes: what is sent now may have to be repeated for longer.
  send(add("B"), at(8))();
  expect(feed.sessions.size).toBe(2);
});

test("what the feed may have forgotten is not sent", () => {
  const { session, add, send, lose } = begin();
  const batch = add("A");
  send(batch);
  lose(batch);
  expect(session.admit(batch, at(8.4))).toHaveProperty("key");
  expect(session.admit(batch, at(8.6))).toEqual({ problem: "the server may have forgotten the first attempt" });
});
