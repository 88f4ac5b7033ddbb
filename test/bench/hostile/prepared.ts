import { cp } from "node:fs/promises";
import type { Workerd } from "../../e2e/support/workerd.ts";
import type { Lab, ServeOptions } from "../lab.ts";
import { fillFeed, type Filling } from "./feeds.ts";
import { ATTACK_BINDINGS, type HostileTarget } from "./target.ts";

/** The feed that is attacked. */
const FEED = "attacked";

/** A server with a filled feed. */
export interface FilledServer {
  readonly workerd: Workerd;
  readonly pid: number;
  readonly target: HostileTarget;
  stop(): Promise<void>;
}

/** Storage with a filled feed: filled once, and copied for each run. */
export class Prepared {
  readonly #lab: Lab;
  readonly #storages = new Map<Filling, Promise<string>>();

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  async serve(filling: Filling, options: ServeOptions = {}): Promise<FilledServer> {
    const filled = this.#storages.get(filling) ?? this.#fill(filling);
    this.#storages.set(filling, filled);
    const storage = await this.#lab.folder("storage");
    await cp(await filled, storage, { recursive: true });
    const workerd = await this.#lab.serve(await this.#lab.worker(), storage, { bindings: ATTACK_BINDINGS, ...options });
    return {
      workerd,
      pid: workerd.process.pid ?? 0,
      target: { port: workerd.port, feed: FEED },
      stop: async () => {
        await workerd.kill();
        await this.#lab.discard(storage);
      },
    };
  }

  async #fill(filling: Filling): Promise<string> {
    const storage = await this.#lab.folder("storage");
    const workerd = await this.#lab.serve(await this.#lab.worker(), storage, { bindings: ATTACK_BINDINGS });
    await fillFeed({ port: workerd.port, feed: FEED }, filling);
    await workerd.kill("SIGTERM");
    return storage;
  }
}
