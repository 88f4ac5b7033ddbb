import { WebSocket } from "ws";
import type { Snapshot } from "./api.ts";
import type { Message } from "../../support/view.ts";

/** Milliseconds within which each transport has to deliver everything. */
const PATIENCE = 30_000;

/**
 * Reads a feed in every way that there is. Says which of them did not work; `key` is one that it has had.
 * `origin` is the server's address.
 */
export async function unreadable(origin: string, feed: string, key: string): Promise<string[]> {
  const url = `${origin}/v1/feeds/${feed}`;
  const { epoch } = await whole<Snapshot>(url);
  const faults: string[] = [];
  const attempt = async (what: string, reading: Promise<unknown>): Promise<void> => {
    try {
      await within(reading);
    } catch (error) {
      faults.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const old = `since=${epoch}:0`;
  await attempt("an old since", whole(`${url}?${old}`));
  await attempt("an old since, all", whole(`${url}?${old}&mode=all&wait=1`));
  await attempt("stats", whole(`${url}/stats`));
  await attempt("the list", whole(`${origin}/v1/feeds`));
  await attempt("history", whole(`${url}/history?key=${encodeURIComponent(key)}&limit=1000`));
  await attempt("a stream", streamed(url));
  await attempt("a socket", socketed(`${url}?mode=latest`));
  await attempt("a socket with an old since, all", socketed(`${url}?${old}&mode=all`));
  await attempt("a socket of MessagePack", socketed(url, "tickertape.v1.msgpack"));
  return faults;
}

/** The whole of an answer of JSON, once it says 200. */
async function whole<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE) });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  return JSON.parse(text);
}

/** Until a snapshot is whole, or an update has come. */
async function streamed(url: string): Promise<void> {
  const aborted = new AbortController();
  const response = await fetch(url, { headers: { Accept: "text/event-stream" }, signal: aborted.signal });
  if (response.status !== 200 || !response.body) throw new Error(`${response.status}`);
  try {
    // Only what moves the position has an id.
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) if (chunk.includes("\nid: ")) return;
    throw new Error("the stream ended");
  } finally {
    aborted.abort();
  }
}

async function socketed(url: string, protocol?: string): Promise<void> {
  const socket = new WebSocket(url.replace("http", "ws"), protocol === undefined ? [] : [protocol]);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("close", (code) => reject(new Error(`closed with ${code}`)));
      socket.on("message", (data: Buffer, isBinary) => {
        // Packed ones are told apart by their place: `hello` comes first.
        if (isBinary) {
          if (!data.subarray(0, 20).includes("hello")) resolve();
          return;
        }
        const { type, more }: Message = JSON.parse(data.toString());
        if (type === "update" || (type === "snapshot" && more !== true)) resolve();
      });
    });
  } finally {
    socket.terminate();
  }
}

function within<T>(reading: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`nothing within ${PATIENCE} ms`)), PATIENCE).unref();
  });
  return Promise.race([reading, late]);
}
