import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KnownPublishes, sessionNumberOf, type Known } from "../../../src/feed/state/known-publishes.ts";
import type { RememberedPublish } from "../../../src/feed/state/idempotency.ts";
import { PublisherSession, REMEMBERED_NUMBERS } from "../../../src/feed/state/publisher-session.ts";
import { PublisherSessions } from "../../../src/feed/state/publisher-sessions.ts";
import { LIMITS } from "../../../src/protocol/limits.ts";
import { formatSessionKey } from "../../../src/protocol/session-key.ts";
import { runs } from "../../support/runs.ts";

const ID = "s".repeat(22);
const OWNER = { principal: "p", credential: "c", id: ID };

/** A feed that accepts whatever it is told to, and logs it. */
class Server {
  readonly #stored = new Map<number, RememberedPublish>();
  known = this.#memory();
  readonly log: string[] = [];
  #lines: string[] = [];

  /** `refuse`: the batch is refused for another reason than its key. */
  publish(number: number, body: string, refuse = false, now = 0): Known | { kind: "accepted"; seq: number } {
    const key = formatSessionKey({ session: ID, number });
    const known = this.known.look({ key, digest: "", ...OWNER }, [body], now);
    if (known.kind !== "new") return known;
    if (refuse) return { kind: "refused", code: "overloaded", detail: "not now" };
    this.log.push(body);
    const seq = this.log.length;
    const remembered = this.known.remember(known.publish, now, { epoch: "e", seq, accepted: 1, stale: 0 });
    this.#stored.set(remembered.ordinal, remembered);
    return { kind: "accepted", seq };
  }

  #memory(): KnownPublishes {
    return new KnownPublishes(7, (ordinal) => this.#stored.get(ordinal));
  }

  checkpoint(): void {
    this.#lines = [...this.known.sessions.lines(0)];
  }

  /** Loses the memory, and reads it back from the last checkpoint and all that was stored. */
  restart(): void {
    this.known = this.#memory();
    for (const line of this.#lines) this.known.sessions.restoreLine(line);
    for (const publish of this.#stored.values()) {
      if (sessionNumberOf(publish)) this.known.restoreInSession(publish);
      else this.known.single.restore(publish.ordinal, publish.hashes, publish.at);
    }
  }
}

describe("[IDEM6] a session takes its numbers strictly in order", () => {
  const server = new Server();
  for (let n = 1; n <= 100; n++) server.publish(n, `body ${n}`);

  test.each<[what: string, number: number, body: string, found: object]>([
    ["the last one again", 100, "body 100", { kind: "repeat", receipt: { seq: 100 } }],
    ["the oldest that is remembered", 101 - REMEMBERED_NUMBERS, "body 37", { kind: "repeat", receipt: { seq: 37 } }],
    [
      "with another body",
      99,
      "another",
      { code: "idempotency_mismatch", detail: expect.stringMatching(/another body/) },
    ],
    ["one that is too old", 36, "body 36", { code: "idempotency_mismatch", detail: expect.stringMatching(/further/) }],
    ["one too many", 102, "body 102", { code: "out_of_order" }],
  ])("%s", (_, number, body, found) => expect(server.publish(number, body)).toMatchObject(found));

  test("a session that is not known begins with 1", () => {
    const server = new Server();
    expect(server.publish(2, "b")).toMatchObject({ code: "unknown_session" });
    expect(server.publish(1, "a").kind).toBe("accepted");
  });

  test("one that has its first number alone takes no record", () => {
    const server = new Server();
    server.publish(1, "a");
    expect(server.publish(3, "c")).toMatchObject({ code: "out_of_order" });
    expect(server.publish(1, "a")).toMatchObject({ kind: "repeat" });
    expect(server.known.sessions.size).toBe(0);
    const renewed = { ...OWNER, credential: "renewed", key: formatSessionKey({ session: ID, number: 1 }), digest: "" };
    expect(server.known.look(renewed, ["another"], 0)).toMatchObject({ code: "idempotency_mismatch" });
    server.publish(2, "b");
    expect([server.known.sessions.size, server.publish(3, "c").kind]).toEqual([1, "accepted"]);
    expect(server.publish(1, "a")).toMatchObject({ kind: "repeat", receipt: { seq: 1 } });
    expect(server.publish(1, "another")).toMatchObject({ code: "idempotency_mismatch" });
    expect(server.known.look(renewed, ["a"], 0).kind).toBe("repeat");
    expect(server.known.look(renewed, ["another"], 0)).toMatchObject({ code: "idempotency_mismatch" });
  });

  test("a number that was refused is taken with another body", () => {
    const server = new Server();
    server.publish(1, "a");
    server.publish(2, "wrong", true);
    expect(server.publish(3, "c")).toMatchObject({ code: "out_of_order" });
    expect(server.publish(2, "c").kind).toBe("accepted");
    expect(server.log).toEqual(["a", "c"]);
  });

  test.each([1, 2])("number %i repeats itself by POST whatever the bytes", (number) => {
    const { known } = new Server();
    const receipt = { epoch: "e", seq: 1, accepted: 1, stale: 0 };
    const look = (number: number, digest: string, updates: string): Known =>
      known.look({ key: formatSessionKey({ session: ID, number }), digest, ...OWNER }, [updates], 0);
    for (let n = 1; n <= number; n++) {
      const first = look(n, "bytes", "updates");
      if (first.kind === "new") known.remember(first.publish, 0, receipt);
    }
    expect(look(number, "other bytes", "updates")).toMatchObject({ kind: "repeat", receipt });
    expect(look(number, "bytes", "other updates")).toMatchObject({ code: "idempotency_mismatch" });
  });

  test("ten minutes after its last publish a session is no longer known", () => {
    const server = new Server();
    server.publish(1, "a", false, 5);
    expect(server.publish(1, "a", false, 4 + LIMITS.idempotencyWindow).kind).toBe("repeat");
    expect(server.publish(2, "b", false, 5 + LIMITS.idempotencyWindow)).toMatchObject({ code: "unknown_session" });
  });

  test("its first number is too old once it is forgotten, for as long as the session goes on", () => {
    const server = new Server();
    const later = LIMITS.idempotencyWindow;
    for (const [n, at] of [1, later / 2, later - 1].entries()) server.publish(n + 1, `body ${n + 1}`, false, at);
    expect(server.publish(1, "body 1", false, later)).toMatchObject({ kind: "repeat" });
    expect(server.publish(1, "body 1", false, later + 1)).toMatchObject({ code: "idempotency_mismatch" });
    expect(server.log).toHaveLength(3);
  });

  test.each(["~session/short/1", `~session/${ID}/01`, `~session/${ID}/0`, `session/${ID}/5`, `~session/${ID}/5/`])(
    "%s is an ordinary key",
    (key) => {
      const { known } = new Server();
      expect(known.look({ key, digest: "", ...OWNER }, ["a"], 0).kind).toBe("new");
    },
  );
});

/** What happens to what a publisher sends: in the order of the list, a step each. */
const fate = fc.constantFrom(
  ...(["arrives", "arrives", "arrives", "arrives", "lost", "receipt lost", "refused", "twice"] as const),
  ...(["checkpoint", "restart"] as const),
);

test("[IDEM6] [I2] whatever is lost, repeated, refused or restarted, each batch is published once and in order", () => {
  fc.assert(
    fc.property(fc.array(fate, { maxLength: 400, size: "max" }), fc.integer({ min: 1, max: 16 }), (fates, inFlight) => {
      const server = new Server();
      const bodies = Array.from({ length: 60 }, (_, i) => `body ${i + 1}`);
      let done = 0;
      // Messages on two ways, such as a socket and a POST: each in its order, and late ones of one way after those of the other.
      const ways: number[][] = [[], []];
      let way = 0;
      let sent = 0;
      const answered = (number: number, found: ReturnType<Server["publish"]>): void => {
        if (found.kind === "accepted") expect(found.seq).toBe(number);
        else if (found.kind === "repeat") expect(found.receipt.seq).toBe(number);
        // Refused: it goes back to the first that is not done, and changes the way.
        else if (found.kind === "refused" && number > done) [sent, way] = [done, 1 - way];
        if (found.kind === "accepted" || found.kind === "repeat") done = Math.max(done, number);
      };
      for (let step = 0; step < fates.length || done < bodies.length; step++) {
        const now = fates[step] ?? "arrives";
        while (sent < bodies.length && sent < done + inFlight) ways[way]!.push(++sent);
        if (now === "checkpoint") server.checkpoint();
        if (now === "restart") server.restart();
        const number = ways[way]!.shift() ?? ways[1 - way]!.shift();
        if (number === undefined) {
          sent = done;
          continue;
        }
        if (now === "lost") continue;
        const found = server.publish(number, bodies[number - 1]!, now === "refused");
        if (now === "twice") server.publish(number, bodies[number - 1]!);
        if (now !== "receipt lost") answered(number, found);
        if (ways[0]!.length + ways[1]!.length === 0) sent = done;
      }
      expect(server.log).toEqual(bodies);
    }),
    { numRuns: runs(40) },
  );
});

describe("[IDEM8] [I9] sessions", () => {
  const receipt = { epoch: "e", seq: 1, accepted: 1, stale: 0 };

  test("come back from their line as they were, over resets too", () => {
    const session = new PublisherSession(OWNER);
    for (let n = 1; n <= 90; n++) {
      const receipt = { epoch: n < 60 ? "before" : "after", seq: n * 2 ** 32, accepted: n, stale: 1_000 - n };
      session.add(n, { content: n * 2 ** 45, receipt }, n);
    }
    const read = PublisherSession.decode(session.encode());
    for (let n = 1; n <= 91; n++) expect(read.recall(n)).toEqual(session.recall(n));
    expect([read.last, read.usedAt, read.bytes, read.owner]).toEqual([90, 90, session.bytes, OWNER]);
    expect(read.recall(27)).toMatchObject({ receipt: { epoch: "before", accepted: 27 } });
    expect(read.recall(26)).toBeUndefined();
  });

  test("take some KB each, and one credential takes no more than it leaves to others", () => {
    const sessions = new PublisherSessions(100_000);
    const begin = (credential: string, id: string): boolean => {
      const owner = { ...OWNER, credential, id };
      if (sessions.waitForRoom(owner, 0) > 0) return false;
      sessions.accept(owner, 2, { content: 1, receipt }, 0);
      return true;
    };
    let greedy = 0;
    while (begin("greedy", `g${greedy}`)) greedy++;
    expect(sessions.bytes).toBeGreaterThan(49_000);
    expect(sessions.bytes).toBeLessThanOrEqual(50_000);
    for (let i = 0; i < 30; i++) expect(begin("honest", `h${i}`)).toBe(true);
    expect(sessions.waitForRoom({ ...OWNER, credential: "greedy", id: "new" }, 1000)).toBe(
      LIMITS.idempotencyWindow - 1000,
    );
    expect(sessions.waitForRoom({ ...OWNER, credential: "greedy", id: "new" }, LIMITS.idempotencyWindow)).toBe(0);
    expect([sessions.size, sessions.bytes]).toEqual([0, 0]);
  });

  test("that go on take no more than 4 KB", () => {
    const sessions = new PublisherSessions();
    for (let n = 1; n <= 1000; n++) sessions.accept(OWNER, n, { content: n, receipt }, n);
    expect(sessions.bytes).toBeLessThan(4096);
  });
});
