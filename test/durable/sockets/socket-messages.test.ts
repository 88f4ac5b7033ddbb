import { expect, test } from "vitest";
import type { Access, Caller } from "../../../src/access/access.ts";
import { quotasOf, type QuotaSettings } from "../../../src/limits/quotas.ts";
import type { Connection } from "../../../src/durable/sockets/connection.ts";
import { Connections } from "../../../src/durable/sockets/connections.ts";
import { SocketMessages } from "../../../src/durable/sockets/socket-messages.ts";
import { PublishQueue, PUBLISH_QUEUE_LIMITS } from "../../../src/durable/requests/publish-queue.ts";
import { EVERYTHING } from "../../../src/protocol/selection.ts";

const PLACES = 4;

/** Sockets that may publish. Their credentials are checked when the test says so. */
class SocketFixture {
  readonly published: string[] = [];
  readonly #checks: ((caller: Caller) => void)[] = [];
  readonly connections = new Connections(
    () => [],
    { ...quotasOf({}), sockets: PLACES },
    () => {},
  );
  readonly messages: SocketMessages;

  now = 0;
  readonly sent: { id?: number; code?: string; retryAfter?: number }[] = [];

  constructor(settings: QuotaSettings = {}) {
    const publishes = new PublishQueue(
      quotasOf(settings).publish,
      () => this.now,
      { take: () => true, give: () => {} },
      { isBehind: () => false, isOwed: () => false, tookIn: () => {} },
    );
    const access: Pick<Access, "identify"> = {
      identify: () => new Promise((resolve) => this.#checks.push(resolve)),
    };
    this.messages = new SocketMessages({
      feed: "f",
      access: access as Access,
      quotas: quotasOf({}),
      publishes,
      now: () => this.now,
      accept: ({ updates }) => {
        this.published.push(...updates.map((text) => JSON.parse(text).key));
        const receipt = { epoch: "e", seq: this.published.length, accepted: 1, stale: 0 };
        return Promise.resolve({ ok: true, receipt, replayed: false });
      },
      resubscribe: () => {},
      grant: (connection, caller, publishes) => this.connections.grant(connection, caller, publishes),
    });
  }

  open(): { connection: Connection; close: () => void } {
    const socket: Record<string, unknown> = { readyState: WebSocket.OPEN };
    for (const method of ["serializeAttachment", "close"]) socket[method] = () => {};
    socket["send"] = (frame: string) => void this.sent.push(JSON.parse(frame));
    const connection = this.connections.add(socket as unknown as WebSocket, {
      subscription: { selection: EVERYTHING, mode: "latest", hz: undefined },
      publishes: true,
      expires: undefined,
      format: "json",
      caller: { clientIp: undefined, kind: "token", credential: "token before" },
      position: { epoch: "e", seq: 0 },
    });
    const close = (): void => {
      socket["readyState"] = WebSocket.CLOSED;
      this.connections.remove(socket as unknown as WebSocket);
    };
    return { connection, close };
  }

  send(connection: Connection, message: object): Promise<void> {
    return this.messages.handle(connection, JSON.stringify(message));
  }

  identify(id: string): void {
    const grants = { subscribe: true, publish: true, admin: false, metrics: false };
    const caller = { id, kind: "token", expires: undefined, on: () => grants };
    this.#checks.shift()?.(caller as unknown as Caller);
  }
}

test("[I9] a socket that closes while its credential is checked leaves no place taken", async () => {
  const sockets = new SocketFixture();
  for (let i = 0; i < PLACES; i++) {
    const { connection, close } = sockets.open();
    const handling = sockets.send(connection, { type: "auth", id: 1, token: "x" });
    await Promise.resolve();
    close();
    sockets.identify("token after");
    await handling;
    // Nor if it gets another credential all the same.
    sockets.connections.grant(connection, { id: "token t", kind: "token", expires: undefined }, true);
  }
  expect([...sockets.connections.all()]).toEqual([]);
  for (const credential of ["token before", "token after", "token t"])
    expect(sockets.connections.refusal({ clientIp: undefined, kind: "token", credential })).toBeUndefined();
});

test("[I2] batches of a socket stay in order, even if its credential changes in between", async () => {
  const sockets = new SocketFixture();
  const { connection } = sockets.open();
  const handling: Promise<void>[] = [];
  const keys: string[] = [];
  const publish = (length: number): void => {
    const key = `k${keys.length}`;
    keys.push(key);
    handling.push(sockets.send(connection, { type: "publish", updates: [{ key, set: { t: "x".repeat(length) } }] }));
  };
  handling.push(sockets.send(connection, { type: "auth", id: 1, token: "x" }));
  for (let i = 0; i < 20; i++) publish(30_000);
  sockets.identify("token after");
  await Promise.resolve();
  await Promise.resolve();
  expect(connection.account).toBe("token after");
  expect(sockets.published.length, "some of it waits").toBeLessThan(20);
  for (let i = 0; i < 5; i++) publish(10);
  await Promise.all(handling);
  expect(sockets.published).toEqual(keys);
});

test("[MSG7] [I9] waiting batches of one account are counted in bytes of memory, and bounded", async () => {
  const sockets = new SocketFixture();
  const { connection } = sockets.open();
  // A character takes two bytes.
  const text = "ж".repeat(30_000);
  const handling = Array.from({ length: 200 }, (_, i) =>
    sockets.send(connection, { type: "publish", updates: [{ key: `k${i}`, set: { text } }] }),
  );
  await Promise.all(handling);
  const most = PUBLISH_QUEUE_LIMITS.perAccount.size / (2 * text.length);
  expect(sockets.published.length).toBeLessThanOrEqual(most + 1);
  expect(sockets.published.length).toBeGreaterThan(most - 10);
});

test("[MSG5] [OUT3] a publisher that keeps 16 publishes under way at the highest rate, and waits as it is told, is not closed", async () => {
  const sockets = new SocketFixture({ PUBLISH_RATE: "100", PUBLISH_BURST: "100" });
  const { connection } = sockets.open();
  const begin = 1000 * sockets.now;
  for (let next = 1; next <= 1_500;) {
    sockets.sent.length = 0;
    for (let id = next; id < next + 16; id++)
      await sockets.send(connection, { type: "publish", id, updates: [{ key: "k", set: { id } }] });
    const refused = sockets.sent.find(({ code }) => code !== undefined);
    next = refused?.id ?? next + 16;
    if (!refused) continue;
    expect(refused).toMatchObject({ code: "rate_limited", retryAfter: 1 });
    sockets.now += 1000 * refused.retryAfter!;
  }
  expect(connection.isOpen).toBe(true);
  expect((sockets.now - begin) / 1000, "as fast as it may").toBeLessThan(16);
});
