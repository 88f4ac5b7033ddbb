import { BINDINGS } from "./api.ts";
import { lastingPort, Workerd } from "./workerd.ts";

type Settings = Readonly<Record<string, string>>;

/** The Worker on one port and one storage, by one workerd process after another. */
export class Server {
  #workerd: Workerd;

  private constructor(workerd: Workerd) {
    this.#workerd = workerd;
  }

  /** `settings` are in addition to the keys of these tests. */
  static async start(settings: Settings = {}): Promise<Server> {
    return new Server(await Workerd.start({ port: await lastingPort(), bindings: { ...BINDINGS, ...settings } }));
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

  /** `settings` are in place of those before, if any are given. */
  async restart(settings?: Settings): Promise<void> {
    this.#workerd = await this.#workerd.again(settings && { ...BINDINGS, ...settings });
  }

  async crash(): Promise<void> {
    await this.kill();
    await this.restart();
  }

  async dispose(): Promise<void> {
    await this.#workerd.dispose();
  }
}
