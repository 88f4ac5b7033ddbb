import { describe, expect, test } from "vitest";
import { nextDue } from "../../src/client/connection/machine.ts";
import type { ConnectionEvent, Phase } from "../../src/client/connection/state.ts";
import {
  after,
  BATCH,
  catchingUp,
  commandsOf,
  EVENTS,
  live,
  lost,
  NEXT,
  NOW,
  PHASES,
  WANTED,
  withoutToken,
} from "./support/phases.ts";

const renewal = (left: number): unknown => {
  const token: ConnectionEvent = { type: "authorized", expires: NOW + left };
  return nextDue(after({ ...live, due: NOW + 1e9 }, token)) - NOW;
};

describe("the status", () => {
  test("recovering becomes stale after a while, by a timer", () => {
    const phase = after(live, lost(1006), { random: 1, staleAfter: 500 });
    expect(phase.status).toMatchObject({ state: "recovering", retryAt: NOW + 1_000, since: NOW });
    expect(nextDue(phase)).toBe(NOW + 500);
    const later = after(phase, { type: "due" }, { now: NOW + 500 });
    expect(later.name).toBe("waiting");
    expect(later.status).toMatchObject({ state: "stale", since: NOW + 500 });
    expect(nextDue(later)).toBe(NOW + 1_000);
  });

  test("without a network it is offline, and attempts go on", () => {
    const phase = after(live, lost(1006), { online: false });
    expect(phase).toMatchObject({ name: "waiting", status: { state: "offline" } });
    expect(after(after(live, lost(1006)), { type: "offline" }, { online: false }).status.state).toBe("offline");
    expect(after(phase, { type: "due" }, { now: phase.due, ...withoutToken, online: false })).toMatchObject({
      name: "opening",
      status: { state: "offline" },
    });
    expect(after(phase, { type: "online" }, { now: NOW + 250, ...withoutToken })).toMatchObject({
      name: "opening",
      status: { state: "recovering" },
    });
  });
});

describe("pings", () => {
  const hidden = { visible: false };

  test("follow on 20 s of silence, and another connection on 10 s without an answer", () => {
    expect(commandsOf(live, { type: "due" }, hidden)).toEqual(["ping"]);
    const phase = after(live, { type: "due" }, hidden);
    expect(phase.due).toBe(NOW + 10_000);
    const heard = after(phase, { type: "heard" }, { now: NOW + 5_000 });
    expect(after(heard, { type: "due" }, { now: NOW + 10_000, ...hidden })).toMatchObject({
      name: "live",
      due: NOW + 25_000,
    });
    expect(after(phase, { type: "due" }, { now: NOW + 10_000 })).toMatchObject({
      name: "waiting",
      status: { state: "recovering", reason: "the server does not answer" },
    });
  });

  test("wait 2 s for the answer when there is no network", () => {
    const offline = { online: false };
    const phase = after(live, { type: "offline" }, offline);
    expect(phase).toMatchObject({ name: "live", due: NOW + 2_000 });
    const due: ConnectionEvent = { type: "due" };
    expect(after(phase, due, { now: NOW + 1_999, ...offline }).name).toBe("live");
    expect(after(phase, due, { now: NOW + 2_000, ...offline }).status.state).toBe("offline");
    const heard = after(phase, { type: "heard" }, { now: NOW + 1_000, ...offline });
    expect(after(heard, due, { now: NOW + 2_000, ...offline }).name).toBe("live");
  });

  test("keep the latency of a visible page up to date: when live, 2 s later, then every 10 s", () => {
    const applied = EVENTS.applied;
    expect(commandsOf(catchingUp, applied)).toContain("ping");
    const phase = after(catchingUp, applied);
    expect(phase.due).toBe(NOW + 2_000);
    const later = { now: NOW + 2_000 };
    expect(commandsOf(phase, { type: "due" }, later)).toEqual(["ping"]);
    expect(after(phase, { type: "due" }, later).due).toBe(NOW + 12_000);
    expect(commandsOf(phase, { type: "due" }, { ...later, ...hidden })).toEqual([]);
    expect(after(phase, { type: "due" }, { ...later, ...hidden }).due).toBe(NOW + 20_000);
  });
});

describe("tokens", () => {
  test("another one is asked for 30 s before it expires, or at half of what is left", () => {
    expect(renewal(3_600_000)).toBe(3_570_000);
    expect(renewal(20_000)).toBe(10_000);
    expect(renewal(1)).toBe(1_000);
    // An expired one is not renewed, for that would repeat without end: the server refuses it.
    expect(renewal(-1)).toBe(1e9);
  });

  test("one that fails is asked for again later, and nothing else happens", () => {
    const phase: Phase = { ...after(live, { type: "tokenFailed", why: "no token: gone" }), due: Infinity };
    expect(phase.status).toMatchObject({ state: "live", reason: "no token: gone" });
    const now = nextDue(phase);
    expect(now).toBeLessThan(NOW + 10_000);
    expect(commandsOf(phase, { type: "due" }, { now })).toEqual(["askToken"]);
    expect(after(phase, EVENTS.token).status.reason).toBe("connected");
  });

  test("one that does not come counts as failed", () => {
    expect(after(PHASES.asking, { type: "due" })).toMatchObject({
      name: "waiting",
      status: { reason: "no token" },
    });
  });

  test("one is asked for after sleep, and once more if it does not come", () => {
    const woken = after(live, { type: "woke" });
    expect(nextDue(woken)).toBe(NOW);
    expect(commandsOf(woken, { type: "due" })).toEqual(["askToken"]);
    expect(nextDue({ ...after(woken, { type: "due" }), due: Infinity })).toBe(NOW + 20_000);
    expect(nextDue(after(live, { type: "woke" }, withoutToken))).toBe(NOW + 10_000);
  });

  test("the same one is not sent again", () => {
    expect(commandsOf({ ...live, token: "next" }, EVENTS.token)).toEqual([]);
  });
});

describe("the selection", () => {
  const LAST = { keys: ["C"] };
  const answer: ConnectionEvent = { ...EVENTS.applied, batch: { ...BATCH, cause: "snapshot", reason: "subscribe" } };

  test("is sent one at a time; the last one wanted counts", () => {
    const first = after(live, { type: "select", selection: NEXT });
    expect(first).toMatchObject({ sent: NEXT });
    expect(commandsOf(first, { type: "select", selection: LAST })).toEqual([]);
    const second = after(first, { type: "select", selection: LAST });
    expect(commandsOf(second, EVENTS.applied)).toEqual([]);
    expect(commandsOf(second, answer)).toEqual(["subscribe"]);
    const third = after(second, answer);
    expect(third).toMatchObject({ sent: LAST, reached: NEXT });
    expect(commandsOf(third, answer)).toEqual(["selected"]);
    expect(after(third, answer).reached).toEqual(LAST);
  });

  test("that the server refuses leaves the one before", () => {
    const asked = after(live, { type: "select", selection: NEXT });
    expect(commandsOf(asked, EVENTS.selectRefused)).toEqual([{ refused: "bad" }]);
    expect(after(asked, EVENTS.selectRefused).wanted).toEqual(WANTED);
    const other = after(asked, { type: "select", selection: LAST });
    expect(commandsOf(other, EVENTS.selectRefused)).toEqual(["subscribe"]);
  });
});
