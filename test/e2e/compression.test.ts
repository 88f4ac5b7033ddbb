import { decode } from "@msgpack/msgpack";
import type { Socket } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { WebSocket, type PerMessageDeflateOptions } from "ws";
import { BINDINGS, publish, statsOf } from "./support/api.ts";
import { sharedChromium, openSocket, startForeignSite } from "./support/chromium.ts";
import { until } from "./support/until.ts";
import type { Update } from "../../src/protocol/update.ts";
import { View } from "../support/view.ts";
import { Workerd } from "./support/workerd.ts";

const PACKED = "tickertape.v1.msgpack";
/** workerd takes an idle object out of memory after ten seconds; no clock but the real one makes it. */
const IDLE_MS = 11_500;

const servers = new Map<Deployment, Promise<Workerd>>();

afterAll(async () => {
  for (const server of servers.values()) await (await server).dispose();
});

type Deployment = "as it is" | "without the flag";

/** A server with the flag against compression, as it is deployed, or without it. */
async function serve(deployment: Deployment): Promise<string> {
  const bindings = { ...BINDINGS, ALLOWED_ORIGINS: "*" };
  const server =
    servers.get(deployment) ?? Workerd.start({ bindings, flags: deployment === "as it is" ? undefined : [] });
  servers.set(deployment, server);
  return (await server).url;
}

/** Whether a client offers compression, and what it restricts. */
type Offer = boolean | PerMessageDeflateOptions;

/** A WebSocket client that offers compression, as browsers do, or not. It ends where a frame is not as was agreed. */
class Client {
  readonly view = new View();
  readonly socket: WebSocket;
  /** Header of the answer to the upgrade. */
  answered: string | undefined;
  pongs = 0;
  #connection: Socket | undefined;
  #head = 0;

  private constructor(url: string, offers: Offer, protocol: string | undefined, origin: string | undefined) {
    const protocols = protocol === undefined ? [] : [protocol];
    const address = url.replace(/^http/, "ws");
    this.socket = new WebSocket(address, protocols, { perMessageDeflate: offers, ...(origin && { origin }) });
    this.socket.on("upgrade", ({ headers, socket }) => {
      this.answered = headers["sec-websocket-extensions"];
      this.#connection = socket;
      this.#head = socket.bytesRead;
    });
    this.socket.on("error", (error) => void this.view.faults.push(String(error)));
    this.socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) this.view.receive(decode(data));
      else if (data.toString() === "pong") this.pongs++;
      else this.view.receive(data);
    });
  }

  static async open(url: string, offers: Offer, protocol?: string, origin?: string): Promise<Client> {
    const client = new Client(url, offers, protocol, origin);
    await until(() => client.view.position ?? client.view.faults.length > 0, "a snapshot");
    return client;
  }

  get compresses(): boolean {
    return this.socket.extensions.startsWith("permessage-deflate");
  }

  /** Bytes that have come since the answer to the upgrade. */
  get bytes(): number {
    return (this.#connection?.bytesRead ?? 0) - this.#head;
  }

  async reaches(seq: number): Promise<void> {
    await until(
      () => (this.view.position?.seq ?? -1) >= seq,
      () => `seq ${seq}; it has ${JSON.stringify(this.view.position)}, ${this.view.faults.join()}`,
    );
  }
}

function quote(i: number): Update {
  const price = 228 + i / 100;
  return { key: `K${i % 7}`, set: { bid: price, bidSize: 100 * i, ask: price + 0.01, askSize: 300, name: "Ünïcode" } };
}

/** Publishes some, one after the other, and returns the last seq. */
async function publishQuotes(url: string, from: number): Promise<number> {
  let seq = 0;
  for (let i = from; i < from + 40; i++) ({ seq } = await publish(url, quote(i)));
  return seq;
}

describe("[PACK4] a client that offers compression", () => {
  test.each([
    ["as it is", false],
    ["without the flag", true],
  ] as const)("deployed %s: it is agreed to: %j", async (deployment, compresses) => {
    const origin = await serve(deployment);
    // A page's upgrade is answered with more headers.
    for (const page of [undefined, origin]) {
      const client = await Client.open(`${origin}/v1/feeds/set`, true, undefined, page);
      expect(client.compresses).toBe(compresses);
      if (!compresses) expect(client.answered).toBeUndefined();
      expect(client.view.faults).toEqual([]);
      client.socket.close();
    }
  });

  test("a client that does not offer it never gets it", async () => {
    const origin = await serve("without the flag");
    const url = `${origin}/v1/feeds/plain`;
    const client = await Client.open(url, false);
    expect(client.answered).toBeUndefined();
    const seq = await publishQuotes(url, 0);
    await client.reaches(seq);
    expect(client.view.faults).toEqual([]);
    client.socket.close();
  });

  test.each([
    [{}, ["server_max_window_bits=12"]],
    [
      { serverNoContextTakeover: true, serverMaxWindowBits: 10 },
      ["server_no_context_takeover", "server_max_window_bits=10"],
    ],
    [
      { clientNoContextTakeover: true, serverMaxWindowBits: 15 },
      ["client_no_context_takeover", "server_max_window_bits=12"],
    ],
  ])("[PACK4] what a client demands with its offer is kept to: %j", async (offer, agreed) => {
    const url = `${await serve("without the flag")}/v1/feeds/demanding`;
    const client = await Client.open(url, offer);
    expect(client.answered?.split("; ").toSorted()).toEqual(["permessage-deflate", ...agreed].toSorted());
    await client.reaches(await publishQuotes(url, 0));
    expect(client.view.faults).toEqual([]);
    client.socket.close();
  });

  test.each([
    ["without the flag", [expect.stringContaining("permessage-deflate")]],
    ["as it is", [undefined]],
  ] as const)("a browser reads its messages, deployed %s", async (deployment, expected) => {
    const origin = await serve(deployment);
    const url = `${origin}/v1/feeds/page`;
    await publishQuotes(url, 0);
    const [browser, site] = await Promise.all([sharedChromium(), startForeignSite()]);
    const page = await browser.newPage();
    try {
      const devtools = await page.context().newCDPSession(page);
      const answered: (string | undefined)[] = [];
      await devtools.send("Network.enable");
      devtools.on("Network.webSocketHandshakeResponseReceived", ({ response }) => {
        answered.push(response.headers["Sec-WebSocket-Extensions"]);
      });
      await page.goto(site.url);
      const frames = await openSocket(page, url, 2);
      if (frames === "refused") expect.unreachable("the socket did not open");
      expect(frames.map((frame) => JSON.parse(frame))).toMatchObject([
        { type: "hello", seq: 40 },
        { type: "snapshot", entries: { K4: { bid: 228.39, name: "Ünïcode" } } },
      ]);
      expect(answered).toEqual(expected);
    } finally {
      await page.close();
      site.close();
    }
  });
});

describe.each(["without the flag", "as it is"] as const)(
  "messages are right, deployed %s",
  { concurrent: true },
  (deployment) => {
    test("as JSON and as MessagePack, and after the feed has hibernated", async () => {
      const origin = await serve(deployment);
      const url = `${origin}/v1/feeds/quotes`;
      const plain = await Client.open(url, false);
      const offering = await Client.open(url, true);
      const packed = await Client.open(url, true, PACKED);
      const clients = [plain, offering, packed];
      expect(packed.socket.protocol).toBe(PACKED);
      const before = await publishQuotes(url, 0);
      await Promise.all(clients.map((client) => client.reaches(before)));
      const { started } = await statsOf(url);

      offering.socket.send("ping");
      await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
      offering.socket.send("ping");
      await until(() => offering.pongs === 2, "the pongs");

      const after = await publishQuotes(url, 40);
      await Promise.all(clients.map((client) => client.reaches(after)));
      const stats = await statsOf(url);
      expect(stats.started, "the object never left memory").toBeGreaterThan(started);
      const expected = Object.fromEntries(Array.from({ length: 7 }, (_, i) => quote(73 + i)).map(entry));
      for (const client of clients) {
        expect(client.view.faults).toEqual([]);
        expect(client.view.state()).toEqual(expected);
        expect(client.socket.readyState).toBe(WebSocket.OPEN);
      }
      const compresses = deployment === "without the flag";
      expect(clients.map((client) => client.compresses)).toEqual([false, compresses, compresses]);
      // One "pong" more than the plain one got, too.
      if (compresses) expect(offering.bytes).toBeLessThan(plain.bytes / 2);
      else expect(offering.bytes).toBeGreaterThan(plain.bytes / 2);
      for (const client of clients) client.socket.close();
    });
  },
);

function entry(update: Update): [string, unknown] {
  return [update.key, "set" in update ? update.set : undefined];
}
