import { isDeepStrictEqual } from "node:util";
import { describe, expect, expectTypeOf, test } from "vitest";
import { initialPhase, nextDue, statusOf, transition } from "../../src/client/connection/machine.ts";
import type { CatchingUp, ConnectionEvent, Context, Live, Opening, Phase } from "../../src/client/connection/state.ts";
import { resumes } from "../../src/client/connection/transitions.ts";

type PhaseName = Phase["name"];
type EventName = ConnectionEvent["type"];

const NOW = 1_700_000_000_000;
const WANTED = { keys: ["A"] };
const NEXT = { keys: ["B"] };

const known = { ...initialPhase(WANTED, undefined, NOW - 60_000), reached: WANTED, triedAt: NOW - 60_000 };
const opening: Opening = { ...known, name: "opening", due: NOW, selection: WANTED };
const catchingUp: CatchingUp = { ...opening, name: "catchingUp" };
const live: Live = {
  ...known,
  name: "live",
  due: NOW,
  heardAt: NOW - 20_000,
  pinged: false,
  sent: undefined,
  // For a minute.
  status: { ...known.status, state: "live" },
};
/** Live for less than makes it good. */
const young: Live = { ...live, status: { ...live.status, since: NOW - 4_999 } };

/** One of each phase, the compiler sees to that. */
const PHASES: { readonly [Name in PhaseName]: Phase } = {
  asking: { ...known, name: "asking", due: NOW },
  opening,
  catchingUp,
  live,
  waiting: { ...known, name: "waiting", due: NOW, failures: 1 },
  refused: { ...known, name: "refused", due: Infinity },
  closed: { ...known, name: "closed", due: Infinity },
};

const BATCH = { position: "e1:5", time: 1, cause: "update", reason: undefined, skipped: 0 } as const;

/** And one of each event. */
const EVENTS: { readonly [Name in EventName]: Extract<ConnectionEvent, { type: Name }> } = {
  due: { type: "due" },
  online: { type: "online" },
  offline: { type: "offline" },
  visible: { type: "visible" },
  woke: { type: "woke" },
  reconnect: { type: "reconnect" },
  close: { type: "close" },
  select: { type: "select", selection: NEXT },
  token: { type: "token", token: "next" },
  tokenFailed: { type: "tokenFailed", why: "no" },
  heard: { type: "heard" },
  applied: { type: "applied", changes: [], batch: BATCH, current: true },
  protocolError: { type: "protocolError", why: "a gap" },
  authorized: { type: "authorized", expires: undefined },
  selectRefused: { type: "selectRefused", why: "bad" },
  lost: { type: "lost", code: 1012, reason: "" },
  probeAnswer: { type: "probeAnswer", code: 403, reason: "no" },
};

const ctx: Context = {
  now: NOW,
  random: 0.5,
  online: true,
  visible: true,
  asks: true,
  staleAfter: 5_000,
};

/** The phase after an event, and what is to be done; "-" where the event does not matter. */
function cell(from: Phase, event: ConnectionEvent): string {
  const phase = { ...from, status: statusOf(from, ctx) };
  const [next, ...commands] = transition(phase, event, ctx);
  const names = commands.map((command) => (typeof command === "string" ? command : "refused"));
  if (isDeepStrictEqual(next, phase) && commands.length === 0) return "-";
  return [next.name, ...names].join(" ");
}

const CELLS: { readonly [P in PhaseName]: { readonly [E in EventName]: string } } = {
  asking: {
    due: "waiting",
    online: "asking askToken",
    offline: "-",
    visible: "-",
    woke: "asking askToken",
    reconnect: "asking askToken",
    close: "closed",
    select: "asking",
    token: "opening open",
    tokenFailed: "waiting",
    heard: "-",
    applied: "-",
    protocolError: "-",
    authorized: "-",
    selectRefused: "-",
    lost: "-",
    probeAnswer: "refused",
  },
  opening: {
    due: "waiting",
    online: "asking askToken",
    offline: "-",
    visible: "-",
    woke: "asking askToken",
    reconnect: "asking askToken",
    close: "closed",
    select: "opening",
    token: "-",
    tokenFailed: "-",
    heard: "catchingUp",
    applied: "-",
    protocolError: "-",
    authorized: "-",
    selectRefused: "-",
    lost: "waiting probe",
    probeAnswer: "refused",
  },
  catchingUp: {
    due: "waiting",
    online: "asking askToken",
    offline: "-",
    visible: "-",
    woke: "asking askToken",
    reconnect: "asking askToken",
    close: "closed",
    select: "catchingUp",
    token: "-",
    tokenFailed: "-",
    heard: "catchingUp",
    applied: "live ping selected",
    protocolError: "waiting",
    authorized: "-",
    selectRefused: "-",
    lost: "waiting",
    probeAnswer: "-",
  },
  live: {
    due: "live ping",
    online: "live ping",
    offline: "live ping",
    visible: "live ping",
    woke: "live ping",
    reconnect: "live ping",
    close: "closed",
    select: "live subscribe",
    token: "live authorize",
    tokenFailed: "live",
    heard: "live",
    applied: "-",
    protocolError: "waiting",
    authorized: "-",
    selectRefused: "-",
    lost: "waiting",
    probeAnswer: "-",
  },
  waiting: {
    due: "asking askToken",
    online: "asking askToken",
    offline: "-",
    visible: "asking askToken",
    woke: "asking askToken",
    reconnect: "asking askToken",
    close: "closed",
    select: "waiting",
    token: "-",
    tokenFailed: "-",
    heard: "-",
    applied: "-",
    protocolError: "-",
    authorized: "-",
    selectRefused: "-",
    lost: "-",
    probeAnswer: "refused",
  },
  refused: {
    due: "-",
    online: "-",
    offline: "-",
    visible: "-",
    woke: "-",
    reconnect: "asking askToken",
    close: "closed",
    select: "refused",
    token: "-",
    tokenFailed: "-",
    heard: "-",
    applied: "-",
    protocolError: "-",
    authorized: "-",
    selectRefused: "-",
    lost: "-",
    probeAnswer: "-",
  },
  closed: {
    due: "-",
    online: "-",
    offline: "-",
    visible: "-",
    woke: "-",
    reconnect: "-",
    close: "-",
    select: "-",
    token: "-",
    tokenFailed: "-",
    heard: "-",
    applied: "-",
    protocolError: "-",
    authorized: "-",
    selectRefused: "-",
    lost: "-",
    probeAnswer: "-",
  },
};

const at = (phase: Phase, event: ConnectionEvent, more: Partial<Context> = {}): Phase =>
  transition(phase, event, { ...ctx, ...more })[0];
const commandsOf = (phase: Phase, event: ConnectionEvent, more: Partial<Context> = {}): unknown[] =>
  transition(phase, event, { ...ctx, ...more }).slice(1);
const lost = (code: number): ConnectionEvent => ({ type: "lost", code, reason: "" });
const fault: ConnectionEvent = { type: "protocolError", why: "a gap" };
const withoutToken: Partial<Context> = { asks: false };

const delays = (random: number): number[] => {
  let phase: Phase = young;
  return Array.from({ length: 8 }, () => {
    const waiting = at(phase, lost(1006), { random });
    phase = { ...young, ...waiting, name: "live", reached: WANTED, status: young.status };
    return waiting.due - NOW;
  });
};

const renewal = (left: number): unknown => {
  const token: ConnectionEvent = { type: "authorized", expires: NOW + left };
  return nextDue(at({ ...live, due: NOW + 1e9 }, token)) - NOW;
};

describe("every event in every phase", () => {
  for (const [name, phase] of Object.entries(PHASES)) {
    test(name, () => {
      const cells = Object.fromEntries(Object.entries(EVENTS).map(([type, event]) => [type, cell(phase, event)]));
      expect(cells).toEqual(CELLS[phase.name]);
    });
  }
});

describe("how a lost connection comes back", () => {
  test.each([
    [1001, "waiting"],
    [1006, "waiting"],
    [1011, "waiting"],
    [1012, "waiting"],
    [4429, "waiting"],
    [4503, "waiting"],
    [4400, "refused"],
    [4403, "refused"],
    [4401, "refused"],
  ])("close code %i without a token to ask for: %s", (code, name) => {
    const phase = at(live, lost(code), withoutToken);
    expect(phase.name).toBe(name);
    expect(phase.status).toMatchObject({ state: name === "refused" ? "closed" : "recovering", code });
  });

  test.each([
    [400, "refused"],
    [401, "refused"],
    [403, "refused"],
    [404, "refused"],
    [408, "waiting"],
    [429, "waiting"],
    [500, "waiting"],
    [503, "waiting"],
  ])("HTTP status %i without a token to ask for: %s", (status, name) => {
    const refusal: ConnectionEvent = { type: "probeAnswer", code: status, reason: "no", retryAfter: 40_000 };
    const phase = at(PHASES.waiting, refusal, withoutToken);
    expect(phase.name).toBe(name);
    if (status === 429 || status === 503) {
      expect(phase.due).toBe(NOW + 40_000);
      // The page becoming visible is no reason to come before the server said.
      expect(at(phase, { type: "visible" }).due).toBe(NOW + 40_000);
      expect(at(phase, { type: "reconnect" }).name).toBe("asking");
    }
  });

  test("another token is asked for once", () => {
    const again = at(live, lost(4401));
    expect(again.name).toBe("waiting");
    const connected = { ...young, ...again, name: "live", reached: WANTED, status: young.status } as const;
    expect(at(connected, lost(4401)).name).toBe("refused");
    // After a connection that lasted it is another matter.
    expect(at(connected, lost(4401), { now: NOW + 1 }).name).toBe("waiting");
  });

  test("delays grow with full jitter from 250 ms to 30 s, also where every connection opens and is cut at once", () => {
    expect(delays(1)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(delays(0)).toEqual(Array.from({ length: 8 }, () => 250));
  });

  test("signs of the runtime and of the user make no tight loop", () => {
    const waiting: Phase = { ...PHASES.waiting, triedAt: NOW - 100 };
    for (const type of ["online", "visible", "woke", "reconnect"] as const) {
      expect(at(waiting, { type })).toMatchObject({ name: "waiting", due: NOW + 150 });
    }
  });

  test("a second fault in a row drops the position, and a connection that lasts makes it good again", () => {
    const once = at(young, fault);
    expect(resumes(once)).toBe(true);
    const again: Live = { ...young, ...once, name: "live", reached: WANTED, status: young.status };
    expect(resumes(at(again, fault))).toBe(false);
    expect(resumes(at(again, fault, { now: NOW + 1 }))).toBe(true);
  });

  test("a position of other keys is not resumed from", () => {
    expect(resumes(PHASES.waiting)).toBe(true);
    expect(resumes({ ...PHASES.waiting, wanted: NEXT })).toBe(false);
    expect(resumes(initialPhase(WANTED, undefined, NOW))).toBe(false);
  });

  test("why an attempt did not open is asked at the first and each fourth of those in a row", () => {
    const asks = [0, 1, 2, 3, 4].map((unopened) => commandsOf({ ...opening, unopened }, lost(1006)));
    expect(asks).toEqual([["probe"], [], [], [], ["probe"]]);
  });
});

describe("an attempt that hangs", () => {
  const due: ConnectionEvent = { type: "due" };

  test("is followed by one with the next transport, one that fails by another with the same", () => {
    expect(at(opening, due)).toMatchObject({ name: "waiting", transport: 1 });
    expect(at({ ...opening, unopened: 1 }, due)).toMatchObject({ transport: 1, unopened: 2 });
    expect(at({ ...catchingUp, triedAt: NOW - 60_000 }, due)).toMatchObject({ name: "waiting", transport: 1 });
    expect([0, 1, 2, 3].map((unopened) => at({ ...opening, unopened }, lost(1006)).transport)).toEqual([0, 1, 0, 1]);
  });

  test("so is a connection over which nothing came but its beginning", () => {
    const begun = at(catchingUp, EVENTS.applied);
    const pinged = at(begun, due, { now: NOW + 2_000 });
    expect(at(pinged, due, { now: NOW + 12_000 })).toMatchObject({ name: "waiting", transport: 1 });
    const heard = at(at(pinged, { type: "heard" }, { now: NOW + 2_100 }), due, { now: NOW + 12_100 });
    expect(at(heard, due, { now: NOW + 22_100 })).toMatchObject({ name: "waiting", transport: 0 });
  });

  test("has 4 s to its first frame, and more once every transport has been tried", () => {
    const times = [0, 2, 4, 5, 6, 11, 12, 600].map(
      (unopened) => at({ ...PHASES.waiting, unopened }, due, withoutToken).due - NOW,
    );
    expect(times).toEqual([4_000, 4_000, 4_000, 4_000, 8_000, 8_000, 16_000, 16_000]);
  });

  test.each(["online", "woke", "reconnect"] as const)("is ended by %s, unless it has just begun or got on", (type) => {
    for (const phase of [PHASES.asking, opening, catchingUp]) {
      expect(at({ ...phase, triedAt: NOW - 1_000 }, { type }, withoutToken)).toMatchObject({
        name: "opening",
        triedAt: NOW,
      });
      expect(at({ ...phase, triedAt: NOW - 999 }, { type }, withoutToken).name).toBe(phase.name);
    }
    expect(at(catchingUp, { type: "heard" }).triedAt).toBe(NOW);
  });

  test("a server that goes away is met over the first transport again", () => {
    expect(at({ ...live, transport: 2 }, lost(1001)).transport).toBe(0);
    expect(at({ ...live, transport: 2 }, lost(1012)).transport).toBe(2);
  });
});

describe("what is shown", () => {
  test("recovering becomes stale after a while, by a timer", () => {
    const phase = at(live, lost(1006), { random: 1, staleAfter: 500 });
    expect(phase.status).toMatchObject({ state: "recovering", retryAt: NOW + 1_000, since: NOW });
    expect(nextDue(phase)).toBe(NOW + 500);
    const later = at(phase, { type: "due" }, { now: NOW + 500 });
    expect(later.name).toBe("waiting");
    expect(later.status).toMatchObject({ state: "stale", since: NOW + 500 });
    expect(nextDue(later)).toBe(NOW + 1_000);
  });

  test("without a network it is offline, and attempts go on", () => {
    const phase = at(live, lost(1006), { online: false });
    expect(phase).toMatchObject({ name: "waiting", status: { state: "offline" } });
    expect(at(at(live, lost(1006)), { type: "offline" }, { online: false }).status.state).toBe("offline");
    expect(at(phase, { type: "due" }, { now: phase.due, ...withoutToken, online: false })).toMatchObject({
      name: "opening",
      status: { state: "offline" },
    });
    expect(at(phase, { type: "online" }, { now: NOW + 250, ...withoutToken })).toMatchObject({
      name: "opening",
      status: { state: "recovering" },
    });
  });
});

describe("whether anybody is there", () => {
  const hidden = { visible: false };

  test("20 s of silence are followed by a ping, and 10 s without an answer by another connection", () => {
    expect(commandsOf(live, { type: "due" }, hidden)).toEqual(["ping"]);
    const phase = at(live, { type: "due" }, hidden);
    expect(phase.due).toBe(NOW + 10_000);
    const heard = at(phase, { type: "heard" }, { now: NOW + 5_000 });
    expect(at(heard, { type: "due" }, { now: NOW + 10_000, ...hidden })).toMatchObject({
      name: "live",
      due: NOW + 25_000,
    });
    expect(at(phase, { type: "due" }, { now: NOW + 10_000 })).toMatchObject({
      name: "waiting",
      status: { state: "recovering", reason: "the server does not answer" },
    });
  });

  test("without a network 2 s without an answer are enough", () => {
    const offline = { online: false };
    const phase = at(live, { type: "offline" }, offline);
    expect(phase).toMatchObject({ name: "live", due: NOW + 2_000 });
    const due: ConnectionEvent = { type: "due" };
    expect(at(phase, due, { now: NOW + 1_999, ...offline }).name).toBe("live");
    expect(at(phase, due, { now: NOW + 2_000, ...offline }).status.state).toBe("offline");
    const heard = at(phase, { type: "heard" }, { now: NOW + 1_000, ...offline });
    expect(at(heard, due, { now: NOW + 2_000, ...offline }).name).toBe("live");
  });

  test("whoever looks is shown the latency of now: a ping when live, 2 s later, then every 10 s", () => {
    const applied = EVENTS.applied;
    expect(commandsOf(catchingUp, applied)).toContain("ping");
    const phase = at(catchingUp, applied);
    expect(phase.due).toBe(NOW + 2_000);
    const later = { now: NOW + 2_000 };
    expect(commandsOf(phase, { type: "due" }, later)).toEqual(["ping"]);
    expect(at(phase, { type: "due" }, later).due).toBe(NOW + 12_000);
    expect(commandsOf(phase, { type: "due" }, { ...later, ...hidden })).toEqual([]);
    expect(at(phase, { type: "due" }, { ...later, ...hidden }).due).toBe(NOW + 20_000);
  });
});

describe("tokens", () => {
  test("another one is asked for 30 s before it expires, or at half of what is left", () => {
    expect(renewal(3_600_000)).toBe(3_570_000);
    expect(renewal(20_000)).toBe(10_000);
    expect(renewal(1)).toBe(1_000);
    // An expired one is the server's to refuse: asking again and again would help nobody.
    expect(renewal(-1)).toBe(1e9);
  });

  test("one that cannot be had now is asked for again later, and nothing else happens", () => {
    const phase: Phase = { ...at(live, { type: "tokenFailed", why: "no token: gone" }), due: Infinity };
    expect(phase.status).toMatchObject({ state: "live", reason: "no token: gone" });
    const now = nextDue(phase);
    expect(now).toBeLessThan(NOW + 10_000);
    expect(commandsOf(phase, { type: "due" }, { now })).toEqual(["askToken"]);
    expect(at(phase, EVENTS.token).status.reason).toBe("connected");
  });

  test("one that does not come counts as failed", () => {
    expect(at(PHASES.asking, { type: "due" })).toMatchObject({
      name: "waiting",
      status: { reason: "no token" },
    });
  });

  test("one is asked for after sleep, and once more where it does not come", () => {
    const woken = at(live, { type: "woke" });
    expect(nextDue(woken)).toBe(NOW);
    expect(commandsOf(woken, { type: "due" })).toEqual(["askToken"]);
    expect(nextDue({ ...at(woken, { type: "due" }), due: Infinity })).toBe(NOW + 20_000);
    expect(nextDue(at(live, { type: "woke" }, withoutToken))).toBe(NOW + 10_000);
  });

  test("the same one is not sent again", () => {
    expect(commandsOf({ ...live, token: "next" }, EVENTS.token)).toEqual([]);
  });
});

describe("the selection", () => {
  const LAST = { keys: ["C"] };
  const answer: ConnectionEvent = { ...EVENTS.applied, batch: { ...BATCH, cause: "snapshot", reason: "subscribe" } };

  test("one wish is out at a time; what is wanted last is what counts", () => {
    const first = at(live, { type: "select", selection: NEXT });
    expect(first).toMatchObject({ sent: NEXT });
    expect(commandsOf(first, { type: "select", selection: LAST })).toEqual([]);
    const second = at(first, { type: "select", selection: LAST });
    expect(commandsOf(second, EVENTS.applied)).toEqual([]);
    expect(commandsOf(second, answer)).toEqual(["subscribe"]);
    const third = at(second, answer);
    expect(third).toMatchObject({ sent: LAST, reached: NEXT });
    expect(commandsOf(third, answer)).toEqual(["selected"]);
    expect(at(third, answer).reached).toEqual(LAST);
  });

  test("one that the server refuses leaves the one before", () => {
    const asked = at(live, { type: "select", selection: NEXT });
    expect(commandsOf(asked, EVENTS.selectRefused)).toEqual([{ refused: "bad" }]);
    expect(at(asked, EVENTS.selectRefused).wanted).toEqual(WANTED);
    const other = at(asked, { type: "select", selection: LAST });
    expect(commandsOf(other, EVENTS.selectRefused)).toEqual(["subscribe"]);
  });
});

test("the tables name every phase and every event", () => {
  expectTypeOf(CELLS).toEqualTypeOf<{ readonly [P in PhaseName]: { readonly [E in EventName]: string } }>();
});
