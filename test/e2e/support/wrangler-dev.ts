import { rm } from "node:fs/promises";
import { join } from "node:path";
import { BINDINGS } from "./api.ts";
import { copyCheckout } from "./checkout.ts";
import { Group } from "./group.ts";
import { lastingPort, pinnedNode } from "./workerd.ts";

/** The whole of it as a developer runs it: Worker, objects and the page, by `wrangler dev`, in a folder of its own. */
export class WranglerDev {
  readonly port: number;
  readonly #folder: string;
  readonly #vars: Readonly<Record<string, string>>;
  #group: Group;

  private constructor(folder: string, port: number, vars: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.port = port;
    this.#vars = vars;
    this.#group = this.#spawn();
  }

  /** `vars` are set beside those that all tests have, or instead of them. */
  static async start(vars: Readonly<Record<string, string>> = {}): Promise<WranglerDev> {
    const folder = await copyCheckout();
    const wrangler = new WranglerDev(folder, await lastingPort(), { ...BINDINGS, ...vars });
    try {
      await wrangler.#healthy();
    } catch (error) {
      await wrangler.dispose();
      throw error;
    }
    return wrangler;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends wrangler and its workerds at once. */
  kill(): Promise<void> {
    return this.#group.kill();
  }

  /** Starts it again, on the same port and storage. */
  async restart(): Promise<void> {
    this.#group = this.#spawn();
    await this.#healthy();
  }

  async dispose(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** It has to say itself that it listens: on its port, another server might answer. */
  #healthy(): Promise<void> {
    return this.#group.healthy(this.url, 60_000, "Ready on");
  }

  #spawn(): Group {
    const vars = Object.entries(this.#vars).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
    const args = [
      "dev",
      "--ip",
      "127.0.0.1",
      "--port",
      String(this.port),
      "--inspector-port",
      "0",
      "--log-level",
      "info",
    ];
    const wrangler = [
      "node_modules/wrangler/bin/wrangler.js",
      ...args,
      "--show-interactive-dev-session=false",
      ...vars,
    ];
    return new Group(pinnedNode, wrangler, {
      cwd: this.#folder,
      // Nothing that calls home: these tests need no network.
      env: {
        ...process.env,
        WRANGLER_SEND_METRICS: "false",
        WRANGLER_SEND_ERROR_REPORTS: "false",
        TMPDIR: join(this.#folder, ".wrangler/tmp"),
        WRANGLER_LOG_PATH: join(this.#folder, ".wrangler/logs"),
        CLOUDFLARE_CF_FETCH_ENABLED: "false",
      },
    });
  }
}
