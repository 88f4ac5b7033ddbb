import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BINDINGS, publish, snapshot } from "./support/api.ts";
import { sharedChromium, startForeignSite } from "./support/chromium.ts";
import { TcpProxy } from "./support/tcp-proxy.ts";
import { until } from "./support/until.ts";
import type { Update } from "../../src/protocol/update.ts";
import { View } from "../support/view.ts";
import { lastingPort, Workerd } from "./support/workerd.ts";

/** All that a page needs: the browser comes back by itself. */
const FOLLOW = `<script>
  function follow(url) {
    const source = new EventSource(url);
    for (const type of ["hello", "snapshot", "update", "open", "error"])
      source.addEventListener(type, ({ data, lastEventId }) => onFeedEvent(type, data ?? "", lastEventId ?? "", source.readyState));
  }
</script>`;
/** `EventSource.CLOSED`: it has given up. */
const CLOSED = 2;

let server: Workerd;
let browser: Browser;
let page: Page;
let proxy: TcpProxy;

beforeAll(async () => {
  const bindings = { ...BINDINGS, ALLOWED_ORIGINS: "*" };
  [server, browser] = await Promise.all([Workerd.start({ port: await lastingPort(), bindings }), sharedChromium()]);
});
afterAll(async () => {
  await server.dispose();
});
beforeEach(async () => {
  [page, proxy] = await Promise.all([browser.newPage(), TcpProxy.start(server.port)]);
});
afterEach(async () => {
  await page.close();
  proxy.close();
});

/** The events of the page's EventSource, each checked against the contract as it comes. */
class Followed {
  readonly view = new View();
  /** Events whose `lastEventId` was not the position after them, and the browser's giving up. */
  readonly faults: string[] = [];
  opened = 0;
  #id = "";

  /** `url` is opened by a page of `site`. */
  static async by(page: Page, site: string, url: string, view?: View): Promise<Followed> {
    const followed = new Followed(view);
    await page.exposeFunction("onFeedEvent", (...event: [string, string, string, number]) => followed.#take(...event));
    await page.goto(site);
    await page.evaluate(`follow(${JSON.stringify(url)})`);
    return followed;
  }

  private constructor(view = new View()) {
    this.view = view;
  }

  /** All updates that it was shown, in order. */
  get updates(): Update[] {
    return this.view.messages.flatMap(({ updates = [] }) => updates);
  }

  reaches(seq: number): Promise<unknown> {
    return until(
      () => this.view.position?.seq === seq,
      () => `${seq}; at ${this.view.since}, ${JSON.stringify([...this.faults, ...this.view.faults])}`,
    );
  }

  #take(type: string, data: string, id: string, state: number): void {
    if (type === "open") this.opened++;
    if (type === "error" && state === CLOSED) this.faults.push("the browser has given up");
    if (type === "open" || type === "error") return;
    this.view.receive(data);
    if (type !== "hello" && this.view.messages.at(-1)?.more !== true) this.#id = this.view.since ?? "";
    if (id !== this.#id) this.faults.push(`${id} is the id of what led to ${this.#id}`);
  }
}

/** A page of the server's own origin, or of another one. Closed by `close`. */
const SITES: [name: string, open: () => Promise<{ url: string; close: () => void }>][] = [
  [
    "of the server's own origin",
    async () => {
      const url = `${proxy.url}/page`;
      await page.route(url, (route) => route.fulfill({ contentType: "text/html", body: FOLLOW }));
      return { url, close: () => {} };
    },
  ],
  ["of another origin", () => startForeignSite(FOLLOW)],
];

/** Long enough to be cut in the middle. */
const long = (n: number): Update => ({ key: "long", set: { n, text: String.fromCharCode(97 + n).repeat(5_000) } });

describe.each(SITES)("[I2] a browser's own EventSource, on a page %s", (_, open) => {
  test("comes back by itself after cuts and crashes, and has seen every update once", async () => {
    const feed = `own-${crypto.randomUUID()}`;
    const url = `${server.url}/v1/feeds/${feed}`;
    await publish(url, { key: "A", set: { n: 0 } });
    const site = await open();
    const followed = await Followed.by(page, site.url, `${proxy.url}/v1/feeds/${feed}?mode=all`);
    await followed.reaches(1);
    const published: Update[] = [];
    const tell = async (...updates: Update[]): Promise<void> => {
      published.push(...updates);
      await publish(url, updates);
    };
    await tell({ key: "A", patch: { n: 1 } });
    await followed.reaches(2);

    // Half of a message comes through: it counts for nothing, and neither does what was published meanwhile.
    proxy.cutAfter(2_000);
    await tell(long(2));
    await until(() => proxy.cuts === 1, "the cut");
    await tell({ key: "B", set: { n: 3 } }, { key: "A", delete: true });
    await followed.reaches(5);
    expect(proxy.asked.at(-1)).toMatch(/:2$/);

    // The server dies, with the stream and everything in memory.
    await server.kill();
    server = await server.again();
    await tell({ key: "A", patch: { n: 4 } });
    await followed.reaches(6);

    // Cut in what it missed before: it comes back to the same place.
    proxy.cutAfter(2_000);
    await tell(long(7), { key: "B", patch: { n: null } });
    await until(() => proxy.cuts === 2, "the second cut");
    await server.kill();
    server = await server.again();
    await tell({ key: "C", set: {} });
    await followed.reaches(9);

    expect([...followed.faults, ...followed.view.faults]).toEqual([]);
    expect(followed.updates).toEqual(published);
    // It resumed each time: there was one snapshot, the first.
    expect(followed.view.reasons).toEqual(["initial"]);
    expect(proxy.asked[0]).toBeUndefined();
    expect(proxy.asked.slice(1).every((id) => id !== undefined)).toBe(true);
    expect(followed.opened).toBeGreaterThan(3);
    expect(followed.view.state()).toEqual((await snapshot(url)).entries);
    site.close();
  });

  test("goes on from where it is, though its address says where it began", async () => {
    const feed = `since-${crypto.randomUUID()}`;
    const url = `${server.url}/v1/feeds/${feed}`;
    const { epoch } = await publish(url, { key: "A", set: { n: 0 } });
    const view = new View();
    view.apply({ type: "snapshot", epoch, seq: 1, entries: { A: { n: 0 } } });
    const site = await open();
    const address = `${proxy.url}/v1/feeds/${feed}?since=${epoch}:1`;
    const followed = await Followed.by(page, site.url, address, view);
    await publish(url, { key: "A", patch: { n: 1 } });
    await followed.reaches(2);
    proxy.cutAfter(2_000);
    await publish(url, long(2));
    await until(() => proxy.cuts === 1, "the cut");
    await publish(url, { key: "A", patch: { m: 2 } });
    await followed.reaches(4);
    expect([...followed.faults, ...followed.view.faults]).toEqual([]);
    expect(followed.view.state()).toEqual((await snapshot(url)).entries);
    expect(proxy.asked).toEqual([undefined, `${epoch}:2`]);
    site.close();
  });
});
