import { describe, expect, test } from "vitest";
import { initialPhase } from "../../src/client/connection/machine.ts";
import type { ConnectionEvent, Live, Phase } from "../../src/client/connection/state.ts";
import { resumes } from "../../src/client/connection/transitions.ts";
import {
  after,
  catchingUp,
  commandsOf,
  EVENTS,
  live,
  lost,
  NEXT,
  NOW,
  opening,
  PHASES,
  WANTED,
  withoutToken,
  young,
} from "./support/phases.ts";

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
    const phase = after(live, lost(code), withoutToken);
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
    const phase = after(PHASES.waiting, refusal, withoutToken);
    expect(phase.name).toBe(name);
    if (status === 429 || status === 503) {
      expect(phase.due).toBe(NOW + 40_000);
      // A page that becomes visible does not come before the server said.
      expect(after(phase, { type: "visible" }).due).toBe(NOW + 40_000);
      expect(after(phase, { type: "reconnect" }).name).toBe("asking");
    }
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

  test("a position of other keys is not resumed from", () => {
    expect(resumes(PHASES.waiting)).toBe(true);
    expect(resumes({ ...PHASES.waiting, wanted: NEXT })).toBe(false);
    expect(resumes(initialPhase(WANTED, undefined, NOW))).toBe(false);
  });

  test("the first and each fourth attempt in a row that does not open is followed by a probe", () => {
    const asks = [0, 1, 2, 3, 4].map((unopened) => commandsOf({ ...opening, unopened }, lost(1006)));
    expect(asks).toEqual([["probe"], [], [], [], ["probe"]]);
  });
});

describe("an attempt that hangs", () => {
  const due: ConnectionEvent = { type: "due" };

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
    const heard = after(after(pinged, { type: "heard" }, { now: NOW + 2_100 }), due, { now: NOW + 12_100 });
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
      expect(after(catchingUp, { type: "heard" }).triedAt).toBe(NOW);
    },
  );

  test("a server that goes away is tried over the first transport again", () => {
    expect(after({ ...live, transport: 2 }, lost(1001)).transport).toBe(0);
    expect(after({ ...live, transport: 2 }, lost(1012)).transport).toBe(2);
  });
});
