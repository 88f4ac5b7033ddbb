import { percentile } from "../bench/statistics.ts";
import { setTimeout as wait } from "node:timers/promises";
import type { Browser, CDPSession, Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { publish, snapshot } from "./support/api.ts";
import { sharedChromium } from "./support/chromium.ts";
import { Dashboard } from "./support/dashboard.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import type { Update } from "../../src/protocol/update.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";

/** `TICKERTAPE_SOAK=60` lets it run for 60 seconds. */
const SECONDS = Number(process.env["TICKERTAPE_SOAK"] ?? 3);
const KEYS = 1000;
/** Updates a second, and the publishes that they come in. */
const RATE = 100;
const PUBLISHES = 20;
/** Milliseconds before measuring begins: work that happens only once does not count. */
const WARM_UP = 1500;
/** Seconds of one trace. Longer traces grow large. */
const SLICE = 10;

let server: SharedServer;
let browser: Browser;
let updates = 0;

beforeAll(async () => {
  [server, browser] = await Promise.all([sharedWranglerDev(), sharedChromium()]);
});

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
const keyOf = (index: number): string => `KEY${String(index).padStart(4, "0")}`;

function value(index: number): JsonObject {
  const price = 100 + index;
  return {
    name: `Number ${index}`,
    bid: price,
    ask: price + 0.05,
    last: price,
    size: 100,
    volume: 0,
    open: price,
    halted: false,
  };
}

/** The next updates, each of another key, all over the list. */
function next(): Update[] {
  return Array.from({ length: RATE / PUBLISHES }, () => {
    const index = (updates++ * 7) % KEYS;
    const last = Number((100 + index + Math.sin(updates) * 2).toFixed(2));
    return { key: keyOf(index), patch: { last, bid: last - 0.05, ask: last + 0.05, volume: updates } };
  });
}

/** Publishes at the rate until `until` (milliseconds since 1970). */
async function run(url: string, until: number): Promise<void> {
  for (let due = Date.now(); due < until; due += 1000 / PUBLISHES) {
    await wait(Math.max(0, due - Date.now()));
    await publish(url, next());
  }
}

/** Bytes of JavaScript objects in use after garbage collection. */
async function heap(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  return usedSize;
}

/** Milliseconds that the page's thread has worked: in all, on scripts, and on layout and style. */
async function work(session: CDPSession): Promise<{ task: number; script: number; layout: number }> {
  const { metrics } = await session.send("Performance.getMetrics");
  const of = (name: string): number => 1000 * (metrics.find((metric) => metric.name === name)?.value ?? 0);
  return {
    task: of("TaskDuration"),
    script: of("ScriptDuration"),
    layout: of("LayoutDuration") + of("RecalcStyleDuration"),
  };
}

/** Lets the page record the time between frames from now on. */
function observe(page: Page): Promise<void> {
  return page.evaluate(() => {
    const frames: number[] = [];
    Object.assign(window, { frames });
    let last = performance.now();
    const frame = (now: number): void => {
      frames.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
}

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly args: { readonly name?: string };
  /** Microseconds by the clock, and of the processor's time. */
  readonly dur?: number;
  readonly tdur?: number;
}

/** A task of the page's thread, in milliseconds: by the clock, and of the processor's time. */
interface Task {
  readonly clock: number;
  readonly cpu: number;
}

/** The tasks of the page's thread while `during` runs. Clock time includes the work of other programs on this machine. */
async function tasksOf(page: Page, during: () => Promise<void>): Promise<Task[]> {
  await browser.startTracing(page, { categories: ["disabled-by-default-devtools.timeline"] });
  await during();
  const { traceEvents }: { traceEvents: TraceEvent[] } = JSON.parse((await browser.stopTracing()).toString());
  const place = ({ pid, tid }: TraceEvent): string => `${pid}:${tid}`;
  const main = new Set(
    traceEvents.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(place),
  );
  const tasks = traceEvents.filter((event) => event.name === "RunTask" && main.has(place(event)));
  return tasks.map(({ dur = 0, tdur = 0 }) => ({ clock: dur / 1000, cpu: tdur / 1000 }));
}

test(
  `stays quick and small with ${KEYS} keys and ${RATE} updates a second`,
  { timeout: (SECONDS + 60) * 1000 },
  async () => {
    const url = `${server.url}/v1/feeds/load`;
    await publish(
      url,
      Array.from({ length: KEYS }, (_, index) => ({ key: keyOf(index), set: value(index) })),
    );
    const dashboard = await Dashboard.in(browser, server.url, { viewport: { width: 1440, height: 900 } });
    await dashboard.goto("?feed=load");
    const { page } = dashboard;
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable");
    // The most expensive order: rows change places as their values change.
    await page.getByRole("button", { name: "volume", exact: true }).click();
    await run(url, Date.now() + WARM_UP);

    await observe(page);
    const [before, begun] = [await heap(session), await work(session)];
    const tasks: Task[] = [];
    for (let left = SECONDS; left > 0; left -= SLICE) {
      const until = Date.now() + Math.min(left, SLICE) * 1000;
      tasks.push(...(await tasksOf(page, () => run(url, until))));
    }
    const [after, ended] = [await heap(session), await work(session)];
    const frames = await page.evaluate<number[]>("window.frames");
    const clock = tasks.map((task) => task.clock).filter((ms) => ms > 50);
    const cpu = tasks.map((task) => task.cpu);

    const share = (name: keyof typeof begun): string => `${((ended[name] - begun[name]) / SECONDS / 10).toFixed(1)}%`;
    console.log(
      `dashboard, ${KEYS} keys, ${RATE} updates/s, ${SECONDS} s: longest task ${Math.max(...cpu).toFixed(1)} ms of processor` +
        ` time, p99 ${percentile(cpu, 0.99).toFixed(1)} ms; by the clock ${clock.length} above 50 ms (median` +
        ` ${(percentile(clock, 0.5) || 0).toFixed(0)} ms, longest ${Math.max(0, ...clock).toFixed(0)} ms);` +
        ` thread busy ${share("task")} (scripts ${share("script")}, layout and style ${share("layout")});` +
        ` frames p50 ${percentile(frames, 0.5).toFixed(1)} ms, p99 ${percentile(frames, 0.99).toFixed(1)} ms;` +
        ` JavaScript heap ${mib(before)} -> ${mib(after)}; ${(await dashboard.keys()).length} rows in the document`,
    );
    // Nothing is missing.
    const { epoch, seq, entries } = await snapshot(url);
    await dashboard.says("#position", `${epoch}:${seq}`);
    const [key] = await dashboard.keys();
    await dashboard.shows(
      key ?? "",
      Number(entries[key ?? ""]?.["volume"]).toLocaleString("en", { useGrouping: "min2" }),
      "volume",
    );

    expect(cpu.length).toBeGreaterThan(100);
    expect(cpu.filter((ms) => ms > 100)).toEqual([]);
    expect(percentile(clock, 0.5) || 0).toBeLessThanOrEqual(100);
    // A minute of each key's values is kept for its trend, which fills up at the beginning.
    expect(after - before).toBeLessThan(2 * 2 ** 20);
    expect((await dashboard.keys()).length).toBeLessThan(60);
    expect(dashboard.complaints).toEqual([]);
    await dashboard.close();
  },
);
