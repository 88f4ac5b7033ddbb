import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tokenFor } from "../bench/hostile/talking.ts";
import { HONEST_KEY } from "../bench/hostile/target.ts";
import { clientFrame, OPCODE, upgradeRequest } from "../bench/load/frames.ts";
import { post, statsOf } from "./support/api.ts";
import { AttackedServer } from "./support/attacked-server.ts";
import { until } from "./support/until.ts";

/** Milliseconds within which both sides have to be through with a connection. */
const SOON = 5_000;
/** After which an object has hibernated. */
const ASLEEP = 12_000;
/** Seconds for which a token is good, of a socket that is awake, and of one that is asleep by then. */
const SHORT = 3;
const LONG = 14;

/** Ways to be closed by the server. `says` is what a client sends for it. */
const WAYS = [
  { code: 4400, how: "bad messages", says: Array.from({ length: 20 }, () => "{}"), lasts: 60 },
  { code: 4429, how: "a flood", says: Array.from({ length: 1_500 }, () => '{"type":"ack","seq":1}'), lasts: 60 },
  { code: 4401, how: "the end of its token", says: [], lasts: SHORT },
  { code: 4401, how: "the end of its token, asleep", says: [], lasts: LONG },
];
const PUBLISHING = '{"type":"publish","id":1,"updates":[{"key":"B","set":{}}]}';
const SCOPE = "subscribe:* publish:*";

let server: AttackedServer;

beforeAll(async () => {
  server = await AttackedServer.start();
});
afterAll(() => server.dispose());

async function newFeed(name: string): Promise<string> {
  const url = `${server.origin}/v1/feeds/${name.replaceAll(/\W+/g, "-")}`;
  await publishTo(url, "A");
  return url;
}

async function publishTo(url: string, key: string): Promise<void> {
  const response = await post(url, { key, set: {} }, { Authorization: `Bearer ${HONEST_KEY}` });
  expect(response.status).toBe(200);
}

/** A client that reads, and neither answers a close nor ends the connection. */
class Deaf {
  received = "";
  readonly #socket: ReturnType<typeof connect>;

  private constructor(port: number) {
    // It stays open on this side when the other one ends it.
    this.#socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.#socket.on("data", (data: Buffer) => void (this.received += data.toString("latin1")));
    // It may be reset, which is one way to end it.
    this.#socket.on("error", () => {});
  }

  static async open(url: string, token: string): Promise<Deaf> {
    const { port, pathname } = new URL(url);
    const deaf = new Deaf(Number(port));
    await once(deaf.#socket, "connect");
    deaf.#socket.write(upgradeRequest(Number(port), pathname, { Authorization: `Bearer ${token}` }));
    await until(() => deaf.received.includes('"type":"snapshot"'), "its snapshot");
    return deaf;
  }

  /** The close frame and what came after it; undefined if there is none. */
  behindClose(code: number): string | undefined {
    const frame = String.fromCharCode(code >> 8, code & 0xff);
    const at = this.received.indexOf(frame);
    return at < 0 ? undefined : this.received.slice(at);
  }

  say(text: string): void {
    if (!this.#socket.destroyed) this.#socket.write(clientFrame(OPCODE.text, Buffer.from(text)));
  }

  end(): void {
    this.#socket.destroy();
  }
}

describe("[CLOSE1] [I5] close means closed", () => {
  // They mostly wait.
  describe.concurrent("for Node's own WebSocket, which waits for the connection to end, once it has said anything", () => {
    test.each(WAYS)("$code, $how", async ({ code, how, says, lasts }) => {
      const url = await newFeed(`node-${how}`);
      const socket = new WebSocket(url.replace("http", "ws"), ["tickertape.v1", `bearer.${tokenFor(SCOPE, lasts)}`]);
      const closed = new Promise<number>((resolve) =>
        socket.addEventListener("close", ({ code }) => resolve(code), { once: true }),
      );
      await once(socket, "open");
      // The runtime ends a connection soon only where it has heard something over it. This wakes nothing.
      socket.send("ping");
      for (const message of says) socket.send(message);
      const late = wait(SOON + (says.length > 0 ? 0 : 1_000 * lasts)).then(() => "still open");
      expect(await Promise.race([closed, late])).toBe(code);
    });
  });

  describe.concurrent("[CLOSE2] for one that never answers: it has no place, and is not taken in again after a pause", () => {
    test.each(WAYS)("$code, $how", async ({ code, how, says, lasts }) => {
      const url = await newFeed(`deaf-${how}`);
      const deaf = await Deaf.open(url, tokenFor(SCOPE, lasts));
      for (const message of says) deaf.say(message);
      await until(() => deaf.behindClose(code) !== undefined, "the close frame", { ms: SOON + 1_000 * LONG });
      expect(await statsOf(url)).toMatchObject({ seq: 1, subscribers: 0 });
      await wait(ASLEEP);
      for (let i = 0; i < 3; i++) {
        deaf.say(PUBLISHING);
        await wait(200);
      }
      expect(await statsOf(url)).toMatchObject({ seq: 1, subscribers: 0 });
      await publishTo(url, "C");
      await wait(ASLEEP);
      expect(await statsOf(url)).toMatchObject({ seq: 2, subscribers: 0 });
      deaf.say(PUBLISHING);
      await wait(200);
      expect(await statsOf(url)).toMatchObject({ seq: 2, subscribers: 0 });
      expect(deaf.behindClose(code)).not.toContain('"update"');
      deaf.end();
    });
  });
});
