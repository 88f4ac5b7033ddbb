type Members = Readonly<Record<string, unknown>>;

/** Messages to the server that get an answer of their own. Their ids are below 0: those of `subscribe` are above. */
export interface Questions {
  /** Sends the message with an id. Resolves with the answer; undefined if there is none in time, or the link ends before. */
  ask(message: object, send: (message: object) => void): Promise<Members | undefined>;
  answer(message: Members): void;
  /** The link has ended. */
  end(): void;
}

export function createQuestions(setTimer: (ms: number, callback: () => void) => () => void): Questions {
  const waiting = new Map<unknown, (answer?: Members) => void>();
  let last = 0;

  return {
    ask: (message, send) =>
      new Promise((resolve) => {
        const id = --last;
        const cancel = setTimer(ANSWER_TIMEOUT, () => waiting.get(id)?.());
        waiting.set(id, (answer) => {
          waiting.delete(id);
          cancel();
          resolve(answer);
        });
        send({ ...message, id });
      }),
    answer: (message) => waiting.get(message["id"])?.(message),
    end() {
      for (const settle of waiting.values()) settle();
    },
  };
}

/** Milliseconds that an answer may take. */
const ANSWER_TIMEOUT = 10_000;
