import { rm } from "node:fs/promises";
import { BINDINGS } from "./api.ts";
import { buildWorker, lastingPort, Workerd } from "./workerd.ts";

/** The Worker on one port and one storage, by one workerd process after another. */
export class Server {
  readonly #build: string;
  #workerd: Workerd;

  private constructor(build: string, workerd: Workerd) {
    this.#build = build;
    this.#workerd = workerd;
  }

  static async start(): Promise<Server> {
    const build = await buildWorker();
    return new Server(build, await Workerd.start({ build, port: await lastingPort(), bindings: BINDINGS }));
  }

  get url(): string {
    return this.#workerd.url;
  }

  /** As a power failure would, at whatever moment this is. */
  kill(): Promise<void> {
    return this.#workerd.kill();
  }

  async restart(): Promise<void> {
    this.#workerd = await this.#workerd.again();
  }

  async crash(): Promise<void> {
    await this.kill();
    await this.restart();
  }

  async dispose(): Promise<void> {
    await this.#workerd.dispose();
    await rm(this.#build, { recursive: true, force: true });
  }
}
