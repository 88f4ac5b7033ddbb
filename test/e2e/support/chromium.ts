// Functions that are handed to the page run there.
/// <reference lib="dom" />
import { createServer } from "node:http";
import { chromium, type Browser, type Page } from "playwright-core";
import { listenOnLoopback } from "./loopback.ts";
import type { TcpProxy } from "./tcp-proxy.ts";

/**
 * Chromium takes the last `--disable-features` only: these are playwright's own, the two panels of the address bar, which
 * each window loads as pages of their own, and the process that waits for a next page. They cost more CPU than most of the
 * pages that are tested.
 */
const FEATURES = [
  "AvoidCorsURLLoaderRestartOnRedirect",
  "AvoidUnnecessaryBeforeUnloadCheckSync",
  "AimEnabled",
  "DestroyProfileOnBrowserClose",
  "HttpsFirstBalancedModeAutoEnable",
  "HttpsUpgrades",
  "LensOverlay",
  "MediaRouter",
  "NetworkTimeServiceQuerying",
  "OptimizationHints",
  "PaintHolding",
  "PreconnectToSearch",
  "SpareRendererForSitePerProcess",
  "ThirdPartyStoragePartitioning",
  "WebUIOmniboxAimPopup",
  "WebUIOmniboxPopup",
];

/** Nothing that calls home, and no sandbox, which containers do not allow. */
const FLAGS = [
  `--disable-features=${FEATURES.join()}`,
  "--no-sandbox",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

let browser: Promise<Browser> | undefined;

/** One browser for all test files of a process, with which it ends. A test closes the pages and contexts that it opens. */
export function sharedChromium(): Promise<Browser> {
  browser ??= launchChromium();
  return browser;
}

function launchChromium(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: FLAGS });
}

/**
 * Errors and warnings on a page's console, exceptions and violations of the content security policy included, and requests
 * to other hosts. What a browser itself says about a server that is not there is left out: no page can keep it from that.
 */
export function complaintsOf(page: Page, ...origins: readonly string[]): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    const isLost = /^(WebSocket connection to|Failed to load resource: net::ERR_)/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !isLost) complaints.push(message.text());
  });
  page.on("request", (request) => {
    const isOwn = origins.some((origin) => new URL(request.url()).host === new URL(origin).host);
    if (!isOwn && !request.url().startsWith("data:")) complaints.push(`foreign: ${request.url()}`);
  });
  return complaints;
}

/**
 * Waits until what `selector` finds has this text, or these texts. The page itself looks: asking it every few milliseconds
 * takes ten times the CPU.
 */
export async function says(page: Page, selector: string, wanted: string | RegExp | readonly string[]): Promise<void> {
  const [texts, pattern] = wanted instanceof RegExp ? [[], wanted] : [[wanted].flat(), undefined];
  try {
    await page.waitForFunction(
      ({ selector, texts, pattern }) => {
        const said = Array.from(document.querySelectorAll(selector), ({ textContent }) => textContent.trim());
        return pattern?.test(said[0] ?? "") ?? JSON.stringify(said) === JSON.stringify(texts);
      },
      { selector, texts, pattern },
      { polling: 20 },
    );
  } catch (cause) {
    const said = await page.locator(selector).allTextContents();
    throw new Error(`waited in vain for ${String(wanted)} in ${selector}; it says ${said.join()}`, { cause });
  }
}

/**
 * The network between a page and the server behind `proxy`. (Chromium's own emulation, `context.setOffline`, keeps a core busy
 * as long as a WebSocket is open.)
 */
export async function networkOf(page: Page, proxy: TcpProxy): Promise<{ set: (online: boolean) => Promise<void> }> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  return {
    set: async (online) => {
      const speed = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
      if (online) proxy.open();
      await session.send("Network.overrideNetworkState", { offline: !online, ...speed });
      if (!online) proxy.shut();
    },
  };
}

/** An empty page of another origin, or one with `body` in it. */
export async function startForeignSite(body = ""): Promise<{ url: string; close: () => void }> {
  const server = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html").end(`<!doctype html><title>Elsewhere</title>${body}`);
  });
  return { url: `${await listenOnLoopback(server)}/`, close: () => void server.close() };
}

/** Opens a page's own WebSocket and returns the first frames of it as text, or "refused" where it does not open. */
export function openSocket(page: Page, url: string, frames: number): Promise<string[] | "refused"> {
  return page.evaluate(
    ([url, frames]) =>
      new Promise<string[] | "refused">((resolve) => {
        const received: string[] = [];
        const socket = new WebSocket(url);
        // Whichever comes first counts.
        socket.addEventListener("error", () => resolve("refused"));
        socket.addEventListener("message", ({ data }) => {
          received.push(String(data));
          if (received.length < frames) return;
          resolve(received);
          socket.close();
        });
      }),
    [url.replace(/^http/, "ws"), frames] as const,
  );
}
