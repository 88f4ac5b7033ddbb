/** Milliseconds between two requests that make workerd enter the isolate. It answers its inspector only then. */
const NUDGE_EVERY = 50;

/** V8's inspector of a workerd's main service. */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #nudge: ReturnType<typeof setInterval>;
  #calls = 0;

  private constructor(socket: WebSocket, httpPort: number) {
    this.#socket = socket;
    this.#nudge = setInterval(() => void fetch(`http://127.0.0.1:${httpPort}/healthz`).catch(() => {}), NUDGE_EVERY);
  }

  /** Throws if no inspector listens on the port. */
  static async open(inspectorPort: number, httpPort: number): Promise<Inspector> {
    const socket = new WebSocket(`ws://127.0.0.1:${inspectorPort}/main`);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error("no inspector listens")));
    });
    return new Inspector(socket, httpPort);
  }

  /** One call of the DevTools protocol. The caller names the type of the answer. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  call<Answer>(method: string, params: object = {}): Promise<Answer> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      const listening = new AbortController();
      const { signal } = listening;
      const onMessage = ({ data }: MessageEvent): void => {
        const answer: { id?: number; result: Answer } = JSON.parse(String(data));
        if (answer.id !== id) return;
        listening.abort();
        resolve(answer.result);
      };
      this.#socket.addEventListener("message", onMessage, { signal });
      this.#socket.addEventListener("close", () => reject(new Error(`the inspector went away at ${method}`)), {
        signal,
      });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  close(): void {
    clearInterval(this.#nudge);
    this.#socket.close();
  }
}
