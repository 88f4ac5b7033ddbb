import { fork, type ChildProcess } from "node:child_process";
import { endProcess } from "../../e2e/support/end-process.ts";

interface Reply<Answer> {
  readonly id: number;
  readonly answer: Answer;
  /** Why there is no answer. */
  readonly reason?: string;
}

/** A process of its own for work that must not delay the measurements. Its file calls `serve`. */
export class Child<Request, Answer> {
  readonly process: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>();
  #asked = 0;

  constructor(file: string) {
    this.process = fork(file, { execArgv: [], serialization: "advanced" });
    this.process.on("message", ({ id, answer, reason }: Reply<Answer>) => {
      if (reason === undefined) this.#waiting.get(id)?.resolve(answer);
      else this.#waiting.get(id)?.reject(new Error(`${file} failed: ${reason}`));
      this.#waiting.delete(id);
    });
    this.process.once("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${file} ended`));
    });
  }

  /** Rejects if the answer is an error, or if the process ends before. */
  ask(request: Request): Promise<Answer> {
    const id = ++this.#asked;
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting.set(id, waiting);
    this.process.send({ id, request }, (error) => error && waiting.reject(error));
    return waiting.promise;
  }

  /** Ends the process, and with it all its connections. */
  end(): Promise<void> {
    return endProcess(this.process);
  }
}

/** Answers what the parent asks, and ends when the parent is gone. */
export function serve(answer: (request: never) => Promise<unknown>): void {
  process.on("message", ({ id, request }: { id: number; request: never }) => {
    answer(request).then(
      (answered) => process.send?.({ id, answer: answered }),
      (error: unknown) =>
        process.send?.({ id, reason: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
}
