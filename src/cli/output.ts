import { once } from "node:events";

/** Says something to the person: on the standard error, so that it gets into no pipe. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Writes a line of the command's result. Resolves when there is room for the next one: a slow reader is waited for. */
export async function print(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain");
}

let isClosed = false;

/** Who reads the output is gone, as with `| head`. */
export const pipeIsClosed = (): boolean => isClosed;

const closed = new AbortController();
/** Aborts when who reads the output is gone. */
export const pipeClosed = closed.signal;

/** Writing to a pipe that nobody reads any more is a normal end for a program in a pipeline. */
export function endIfPipeCloses(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") throw error;
      isClosed = true;
      // What waits for room waits no more.
      stream.emit("drain");
      closed.abort();
    });
  }
}

/** What other people wrote, for a terminal: nothing in it moves the cursor, changes colours or turns the direction of text. */
export function plainText(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, "\u00b7");
}

/** Aborts when the user asks to end, or the terminal is closed. A second time ends the process at once. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => stop.abort());
  return stop.signal;
}
