import { expect, test } from "vitest";
import type { Access, Caller } from "../../../src/access/access.ts";
import { quotasOf } from "../../../src/limits/quotas.ts";
import type { Connection } from "../../../src/durable/sockets/connection.ts";
import { Connections } from "../../../src/durable/sockets/connections.ts";
import { SocketMessages } from "../../../src/durable/sockets/socket-messages.ts";
import { PublishQueue, PUBLISH_QUEUE_LIMITS } from "../../../src/durable/publish-queue.ts";
import { EVERYTHING } from "../../../src/protocol/selection.ts";

const PLACES = 4;

/** Sockets that may publish, and whose credentials are checked when the test says so. */
class Stage {
  readonly published: string[] = [];
  readonly #checks: ((caller: Caller) => void)[] = [];
  readonly connections = new Connections(
    () => [],
    { ...quotasOf({}), sockets: PLACES },
    () => {},
  );
  readonly messages: SocketMessages;

  constructor() {
    const publishes = new PublishQueue(
      quotasOf({}).publish,
      () => 0,
      { take: () => true, give: () => {} },
      () => false,
    );
    const access: Pick<Access, "identify"> = {
      identify: () => new Promise((resolve) => this.#checks.push(resolve)),
    };
    this.messages = new SocketMessages({
      feed: "f",
      access: access as Access,
      quotas: quotasOf({}),
      publishes,
      now: () => 0,
      accept: ({ updates }) => {
        this.published.push(...updates.map((text) => JSON.parse(text).key));
        const receipt = { epoch: "e", seq: this.published.length, accepted: 1, stale: 0 };
        return Promise.resolve({ ok: true, receipt, replayed: false });
      },
      resubscribe: () => {},
      grant: (connection, caller, publishes) => this.connections.grant(connection, caller, publishes),
    });
  }

  come(): { connection: Connection; leave: () => void } {
    const socket: Record<string, unknown> = { readyState: WebSocket.OPEN };
    for (const method of ["serializeAttachment", "send", "close"]) socket[method] = () => {};
    const connection = this.connections.add(socket as unknown as WebSocket, {
      subscription: { selection: EVERYTHING, mode: "latest", hz: undefined },
      publishes: true,
      expires: undefined,
      packed: false,
      caller: { clientIp: undefined, kind: "token", credential: "token before" },
      position: { epoch: "e", seq: 0 },
    });
    const leave = (): void => {
      socket["readyState"] = WebSocket.CLOSED;
      this.connections.remove(socket as unknown as WebSocket);
    };
    return { connection, leave };
  }

  say(connection: Connection, message: object): Promise<void> {
    return this.messages.handle(connection, JSON.stringify(message));
  }

  check(id: string): void {
    const grants = { subscribe: true, publish: true, admin: false, metrics: false };
    const caller = { id, kind: "token", expires: undefined, on: () => grants };
    this.#checks.shift()?.(caller as unknown as Caller);
  }
}

test("[I9] a socket that goes while its credential is checked leaves no place taken", async () => {
  const stage = new Stage();
  for (let i = 0; i < PLACES; i++) {
    const { connection, leave } = stage.come();
    const hearing = stage.say(connection, { type: "auth", id: 1, token: "x" });
    await Promise.resolve();
    leave();
    stage.check("token after");
    await hearing;
    // Nor where it is granted anything all the same.
    stage.connections.grant(connection, { id: "token t", kind: "token", expires: undefined }, true);
  }
  expect([...stage.connections.all()]).toEqual([]);
  for (const credential of ["token before", "token after", "token t"])
    expect(stage.connections.refusal({ clientIp: undefined, kind: "token", credential })).toBeUndefined();
});

test("[I2] what a socket publishes stays in its order, though another's credential comes in between", async () => {
  const stage = new Stage();
  const { connection } = stage.come();
  const hearing: Promise<void>[] = [];
  const keys: string[] = [];
  const publish = (length: number): void => {
    const key = `k${keys.length}`;
    keys.push(key);
    hearing.push(stage.say(connection, { type: "publish", updates: [{ key, set: { t: "x".repeat(length) } }] }));
  };
  hearing.push(stage.say(connection, { type: "auth", id: 1, token: "x" }));
  for (let i = 0; i < 20; i++) publish(30_000);
  stage.check("token after");
  await Promise.resolve();
  await Promise.resolve();
  expect(connection.account).toBe("token after");
  expect(stage.published.length, "some of it waits").toBeLessThan(20);
  for (let i = 0; i < 5; i++) publish(10);
  await Promise.all(hearing);
  expect(stage.published).toEqual(keys);
});

test("[I9] what waits of one publisher is counted in bytes of memory, and holds no more of it than it may", async () => {
  const stage = new Stage();
  const { connection } = stage.come();
  // Two bytes a character.
  const text = "ж".repeat(30_000);
  const hearing = Array.from({ length: 200 }, (_, i) =>
    stage.say(connection, { type: "publish", updates: [{ key: `k${i}`, set: { text } }] }),
  );
  await Promise.all(hearing);
  const most = PUBLISH_QUEUE_LIMITS.perAccount.size / (2 * text.length);
  expect(stage.published.length).toBeLessThanOrEqual(most + 1);
  expect(stage.published.length).toBeGreaterThan(most - 10);
});
