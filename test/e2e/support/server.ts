import { BINDINGS } from "./api.ts";
import { lastingPort, Workerd } from "./workerd.ts";

/** The Worker on one port and one storage, by one workerd process after another. */
export class Server {
  #workerd: Workerd;

  private constructor(workerd: Workerd) {
    this.#workerd = workerd;
  }

  static async start(): Promise<Server> {
    return new Server(await Workerd.start({ port: await lastingPort(), bindings: BINDINGS }));
  }

  get url(): string {
    return this.#workerd.url;
  }

  /** The folder of its storage. */
  get storage(): string {
    return this.#workerd.storage;
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
  }
}
