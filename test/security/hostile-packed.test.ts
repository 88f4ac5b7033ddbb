import { decode, encode } from "@msgpack/msgpack";
import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { PROBLEMS } from "../../src/protocol/codes.ts";
import { PUBLISH_KEY, post } from "../support/api.ts";
import { runs } from "../support/runs.ts";
import { upgrade } from "../support/subscriber.ts";
import type { Message } from "../support/view.ts";
import { inOrder, withstood } from "./watched.ts";
import { mutate, mutations } from "./mutations.ts";

const SEED = 20_265;
const LONG = { timeout: 600_000 };

const value = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 });
const update = fc.oneof(
  value.map((set) => ({ key: "A", set })),
  value.map((patch) => ({ key: "B", patch })),
);
const message = fc.oneof(
  fc.array(update, { minLength: 1, maxLength: 3 }).map((updates) => ({ type: "publish", id: 1, updates })),
  fc.array(fc.string()).map((keys) => ({ type: "subscribe", keys })),
  fc.nat().map((seq) => ({ type: "ack", seq })),
);

/** Few bytes that claim to be many: a reader that believes them runs out of memory. */
const LIARS: [what: string, bytes: number[]][] = [
  ["an array", [0xdd, 0x01, 0xdf, 0xff, 0xff]],
  ["arrays in arrays", Array.from({ length: 20 }, () => [0xdd, 0x01, 0xdf, 0xff, 0xff]).flat()],
  ["a map", [0xdf, 0x7f, 0xff, 0xff, 0xff]],
  ["maps in maps", Array.from({ length: 200 }, () => [0xdf, 0x00, 0xff, 0xff, 0xff, 0xa1, 0x61]).flat()],
  ["a string", [0xdb, 0xff, 0xff, 0xff, 0xff]],
  ["bytes", [0xc6, 0xff, 0xff, 0xff, 0xff]],
  ["an extension", [0xc9, 0xff, 0xff, 0xff, 0xff, 1]],
  ["short arrays, very deep", Array.from({ length: 100_000 }, () => 0x91)],
  ["long arrays, very deep", Array.from({ length: 100_000 }, () => [0xdc, 0x7f, 0xff]).flat()],
];

/** Sends frames, each followed by a good one, until all are answered or the socket is closed. */
async function speak(feed: string, frames: readonly Uint8Array[]): Promise<void> {
  const headers = { "Sec-WebSocket-Protocol": "tickertape.v1.msgpack", Authorization: `Bearer ${PUBLISH_KEY}` };
  const { webSocket } = await upgrade(feed, "", headers);
  const socket = webSocket!;
  socket.binaryType = "arraybuffer";
  const messages: Message[] = [];
  let closed: number | undefined;
  socket.addEventListener("message", ({ data }) => void messages.push(decode(data as ArrayBuffer) as Message));
  socket.addEventListener("close", ({ code }) => void (closed = code));
  socket.accept();
  for (const [i, frame] of frames.entries()) {
    socket.send(frame);
    socket.send(encode({ type: "subscribe", id: 1_000 + i, keys: ["none"] }));
    await vi.waitFor(() => expect(closed ?? messages.find(({ id }) => id === 1_000 + i)).toBeDefined(), {
      timeout: 5_000,
      interval: 1,
    });
    if (closed !== undefined) break;
  }
  if (closed !== undefined) expect([4400, 1009]).toContain(closed);
  const codes = messages.filter(({ type }) => type === "error").map(({ code }) => code);
  for (const code of codes) expect(["invalid_message", ...Object.keys(PROBLEMS)]).toContain(code);
  expect(codes).not.toContain("overloaded");
  socket.close();
}

describe("MessagePack", () => {
  test.each(LIARS)("that claims to hold %s is refused, in a frame and in a body", async (_, bytes) => {
    await withstood(async (watched) => {
      const frame = Uint8Array.from(bytes);
      await speak(watched.feed, [frame]);
      const wrapped = Uint8Array.from([...encode({ key: "A" }).slice(0, -1), ...bytes]);
      for (const body of [frame, wrapped]) {
        const response = await post(watched.feed, body, { "Content-Type": "application/msgpack" });
        expect(["invalid_json", "invalid_update"]).toContain(await inOrder(response));
      }
      await watched.isUnchanged();
    });
  });

  test("that was good and is changed at random is answered in order", LONG, async () => {
    const frames = fc.array(fc.tuple(message, mutations), { minLength: 20, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(frames, (inputs) =>
        withstood(({ feed }) =>
          speak(
            feed,
            inputs.map(([message, changes]) => mutate(encode(message), changes)),
          ),
        ),
      ),
      { numRuns: runs(12), seed: SEED },
    );
  });

  test("in a body that was changed at random is refused or accepted as a whole", LONG, async () => {
    const bodies = fc.array(fc.tuple(fc.array(update, { minLength: 1, maxLength: 3 }), mutations), {
      minLength: 20,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(bodies, (inputs) =>
        withstood(async (watched) => {
          for (const [updates, changes] of inputs) {
            const response = await post(watched.feed, mutate(encode(updates), changes), {
              "Content-Type": "application/msgpack",
            });
            if ((await inOrder(response)) === "served") await watched.hasChanged();
            else await watched.isUnchanged();
          }
        }),
      ),
      { numRuns: runs(12), seed: SEED },
    );
  });
});
