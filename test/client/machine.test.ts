import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { nextDue, statusOf, transition } from "../../src/client/connection/machine.ts";
import type { ConnectionEvent, EventName, Live, Phase } from "../../src/client/connection/state.ts";
import { CLOSE, CLOSE_MEANINGS } from "../../src/protocol/codes.ts";
import { namesOf } from "../../src/protocol/schemas.ts";
import { resumes } from "../../src/client/connection/transitions.ts";
import {
  after,
  catchingUp,
  commandsOf,
  context,
  EVENTS,
  live,
  lost,
  NOW,
  opening,
  PHASES,
  WANTED,
  withoutToken,
  young,
} from "./support/phases.ts";

const { due } = EVENTS;
const ASK = "asking askToken";

/** For every event, in every phase of `PHASES`: the next phase and the commands, or "-" if the phase ignores it. */
const TABLE: { readonly [Name in EventName]: readonly string[] } = {
  // waiting, asking, opening, catchingUp, live, refused, closed
  due: [ASK, "waiting", "waiting", "waiting", "live ping", "-", "-"],
  online: [ASK, ASK, ASK, ASK, "live ping", "-", "-"],
  offline: ["-", "-", "-", "-", "live ping", "-", "-"],
  visible: [ASK, "-", "-", "-", "live ping", "-", "-"],
  woke: [ASK, ASK, ASK, ASK, "live ping", "-", "-"],
  reconnect: [ASK, ASK, ASK, ASK, "live ping", ASK, "-"],
  close: ["closed", "closed", "closed", "closed", "closed", "closed", "-"],
  select: ["waiting", "asking", "opening", "catchingUp", "live subscribe", "refused", "-"],
  token: ["-", "opening open", "-", "-", "live authorize", "-", "-"],
  tokenFailed: ["-", "waiting", "-", "-", "live", "-", "-"],
  heard: ["-", "-", "catchingUp", "catchingUp", "live", "-", "-"],
  applied: ["-", "-", "-", "live ping selected", "-", "-", "-"],
  protocolError: ["-", "-", "-", "waiting", "waiting", "-", "-"],
  authorized: ["-", "-", "-", "-", "-", "-", "-"],
  selectRefused: ["-", "-", "-", "-", "-", "-", "-"],
  lost: ["-", "-", "waiting probe", "waiting", "waiting", "-", "-"],
  probeAnswer: ["refused", "refused", "refused", "-", "-", "-", "-"],
};

function cell(from: Phase, event: ConnectionEvent): string {
  const phase = { ...from, status: statusOf(from, context) };
  const [next, ...commands] = transition(phase, event, context);
  const names = commands.map((command) => (typeof command === "string" ? command : "refused"));
  if (isDeepStrictEqual(next, phase) && commands.length === 0) return "-";
  return [next.name, ...names].join(" ");
}

test.each(Object.values(EVENTS))("in every phase: the event $type", (event) => {
  expect(Object.values(PHASES).map((phase) => cell(phase, event))).toEqual(TABLE[event.type]);
});

const delays = (random: number): number[] => {
  let phase: Phase = young;
  return Array.from({ length: 8 }, () => {
    const waiting = after(phase, lost(1006), { random });
    phase = { ...young, ...waiting, name: "live", reached: WANTED, status: young.status };
    return waiting.due - NOW;
  });
};

describe("how a lost connection comes back", () => {
  test.each([
    ["waiting", [1001, 1006, 1011, 1012, 4408, 4429, 4500, 4503]],
    ["refused", [4400, 4401, 4403, 4404]],
  ])("without a token to ask for it is %s after the close codes %j and the same HTTP statuses", (name, codes) => {
    for (const code of codes) {
      const phase = after(live, lost(code), withoutToken);
      expect(phase.name, `${code}`).toBe(name);
      expect(phase.status).toMatchObject({ state: name === "refused" ? "closed" : "recovering", code });
      const answer: ConnectionEvent = { type: "probeAnswer", code: code % 4000, reason: "no" };
      expect(after(PHASES.waiting, answer, withoutToken).name, `${code}`).toBe(name);
    }
  });

  // Those below 4000 are the protocol's own. Of these the client comes back after each: it sends no message that is too large.
  test.each(namesOf(CLOSE).filter((name) => CLOSE[name] >= 4000))(
    "after %s it does what the code's meaning says",
    (name) => {
      const [, comeBack] = CLOSE_MEANINGS[name];
      expect(after(live, lost(CLOSE[name]), withoutToken).name).toBe(comeBack ? "waiting" : "refused");
    },
  );

  test.each([429, 503])("after the HTTP status %i it does not come before the server said", (code) => {
    const answer: ConnectionEvent = { type: "probeAnswer", code, reason: "no", retryAfter: 40_000 };
    const phase = after(PHASES.waiting, answer);
    expect(phase.due).toBe(NOW + 40_000);
    expect(after(phase, { type: "visible" }).due).toBe(NOW + 40_000);
    expect(after(phase, { type: "reconnect" }).name).toBe("asking");
  });

  test("another token is asked for once", () => {
    const again = after(live, lost(4401));
    expect(again.name).toBe("waiting");
    const connected = { ...young, ...again, name: "live", reached: WANTED, status: young.status } as const;
    expect(after(connected, lost(4401)).name).toBe("refused");
    // Again after a connection that lasted.
    expect(after(connected, lost(4401), { now: NOW + 1 }).name).toBe("waiting");
  });

  test("delays grow with full jitter from 250 ms to 30 s, also if every connection opens and is cut at once", () => {
    expect(delays(1)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(delays(0)).toEqual(Array.from({ length: 8 }, () => 250));
  });

  test("events of the runtime and of the user make no tight loop", () => {
    const waiting: Phase = { ...PHASES.waiting, triedAt: NOW - 100 };
    for (const type of ["online", "visible", "woke", "reconnect"] as const) {
      expect(after(waiting, { type })).toMatchObject({ name: "waiting", due: NOW + 150 });
    }
  });

  test("a second protocol error in a row drops the position, and a connection that lasts makes it good again", () => {
    const once = after(young, EVENTS.protocolError);
    expect(resumes(once)).toBe(true);
    const again: Live = { ...young, ...once, name: "live", reached: WANTED, status: young.status };
    expect(resumes(after(again, EVENTS.protocolError))).toBe(false);
    expect(resumes(after(again, EVENTS.protocolError, { now: NOW + 1 }))).toBe(true);
  });

  test("the first and each fourth attempt in a row that does not open is followed by a probe", () => {
    const asks = [0, 1, 2, 3, 4].map((unopened) => commandsOf({ ...opening, unopened }, lost(1006)));
    expect(asks).toEqual([["probe"], [], [], [], ["probe"]]);
  });
});

describe("an attempt that hangs", () => {
  test("is followed by one with the next transport, one that fails by another with the same", () => {
    expect(after(opening, due)).toMatchObject({ name: "waiting", transport: 1 });
    expect(after({ ...opening, unopened: 1 }, due)).toMatchObject({ transport: 1, unopened: 2 });
    expect(after({ ...catchingUp, triedAt: NOW - 60_000 }, due)).toMatchObject({ name: "waiting", transport: 1 });
    expect([0, 1, 2, 3].map((unopened) => after({ ...opening, unopened }, lost(1006)).transport)).toEqual([0, 1, 0, 1]);
  });

  test("so is a connection over which only the beginning came", () => {
    const begun = after(catchingUp, EVENTS.applied);
    const pinged = after(begun, due, { now: NOW + 2_000 });
    expect(after(pinged, due, { now: NOW + 12_000 })).toMatchObject({ name: "waiting", transport: 1 });
    const heard = after(after(pinged, EVENTS.heard, { now: NOW + 2_100 }), due, { now: NOW + 12_100 });
    expect(after(heard, due, { now: NOW + 22_100 })).toMatchObject({ name: "waiting", transport: 0 });
  });

  test("has 4 s to its first frame, and more once every transport has been tried", () => {
    const times = [0, 2, 4, 5, 6, 11, 12, 600].map(
      (unopened) => after({ ...PHASES.waiting, unopened }, due, withoutToken).due - NOW,
    );
    expect(times).toEqual([4_000, 4_000, 4_000, 4_000, 8_000, 8_000, 16_000, 16_000]);
  });

  test.each(["online", "woke", "reconnect"] as const)(
    "is ended by %s, unless it has just begun or made progress",
    (type) => {
      for (const phase of [PHASES.asking, opening, catchingUp]) {
        expect(after({ ...phase, triedAt: NOW - 1_000 }, { type }, withoutToken)).toMatchObject({
          name: "opening",
          triedAt: NOW,
        });
        expect(after({ ...phase, triedAt: NOW - 999 }, { type }, withoutToken).name).toBe(phase.name);
      }
      expect(after(catchingUp, EVENTS.heard).triedAt).toBe(NOW);
    },
  );

  test("a server that goes away is tried over the first transport again", () => {
    expect(after({ ...live, transport: 2 }, lost(1001)).transport).toBe(0);
    expect(after({ ...live, transport: 2 }, lost(1012)).transport).toBe(2);
  });
});

const renewal = (left: number): unknown => {
  const token: ConnectionEvent = { type: "authorized", expires: NOW + left };
  return nextDue(after({ ...live, due: NOW + 1e9 }, token)) - NOW;
};

describe("the status", () => {
  test("recovering becomes stale after a while, by a timer", () => {
    const phase = after(live, lost(1006), { random: 1, staleAfter: 500 });
    expect(phase.status).toMatchObject({ state: "recovering", retryAt: NOW + 1_000, since: NOW });
    expect(nextDue(phase)).toBe(NOW + 500);
    const later = after(phase, due, { now: NOW + 500 });
    expect(later.name).toBe("waiting");
    expect(later.status).toMatchObject({ state: "stale", since: NOW + 500 });
    expect(nextDue(later)).toBe(NOW + 1_000);
  });

  test("without a network it is offline, and attempts go on", () => {
    const phase = after(live, lost(1006), { online: false });
    expect(phase).toMatchObject({ name: "waiting", status: { state: "offline" } });
    expect(after(after(live, lost(1006)), { type: "offline" }, { online: false }).status.state).toBe("offline");
    expect(after(phase, due, { now: phase.due, ...withoutToken, online: false })).toMatchObject({
      name: "opening",
      status: { state: "offline" },
    });
    expect(after(phase, { type: "online" }, { now: NOW + 250, ...withoutToken })).toMatchObject({
      name: "opening",
      status: { state: "recovering" },
    });
  });
});

test("20 s of silence are followed by a ping, and 10 s without an answer by another connection", () => {
  const hidden = { visible: false };
  expect(commandsOf(live, due, hidden)).toEqual(["ping"]);
  const phase = after(live, due, hidden);
  expect(phase.due).toBe(NOW + 10_000);
  const heard = after(phase, EVENTS.heard, { now: NOW + 5_000 });
  expect(after(heard, due, { now: NOW + 10_000, ...hidden })).toMatchObject({ name: "live", due: NOW + 25_000 });
  expect(after(phase, due, { now: NOW + 10_000 })).toMatchObject({
    name: "waiting",
    status: { state: "recovering", reason: "the server does not answer" },
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
    expect(commandsOf(phase, due, { now })).toEqual(["askToken"]);
    expect(after(phase, EVENTS.token).status.reason).toBe("connected");
  });

  test("one is asked for after sleep, and once more if it does not come", () => {
    const woken = after(live, { type: "woke" });
    expect(nextDue(woken)).toBe(NOW);
    expect(commandsOf(woken, due)).toEqual(["askToken"]);
    expect(nextDue({ ...after(woken, due), due: Infinity })).toBe(NOW + 20_000);
    expect(nextDue(after(live, { type: "woke" }, withoutToken))).toBe(NOW + 10_000);
  });

  test("the same one is not sent again", () => {
    expect(commandsOf({ ...live, token: "next" }, EVENTS.token)).toEqual([]);
  });
});

test("a selection that the server refuses leaves the one before", () => {
  const asked = after(live, EVENTS.select);
  expect(commandsOf(asked, EVENTS.selectRefused)).toEqual([{ refused: "bad" }]);
  expect(after(asked, EVENTS.selectRefused).wanted).toEqual(WANTED);
  const other = after(asked, { type: "select", selection: { keys: ["C"] } });
  expect(commandsOf(other, EVENTS.selectRefused)).toEqual(["subscribe"]);
});
