import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeClientMessage, type DecodedMessage } from "../../src/protocol/client-messages.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";
import { parseSelection } from "../../src/protocol/selection.ts";
import { jsonText } from "./arbitraries.ts";

const decode = (frame: string | Uint8Array): DecodedMessage => finishSteps(decodeClientMessage(frame));

const TYPES = ["subscribe", "publish", "auth", "ack"];
const MEMBERS = ["type", "id", "keys", "hz", "mode", "updates", "token", "seq", "__proto__", "constructor", "toString"];

/** Messages that look right at first: a known type, known members, any values. */
const nearMessage = fc
  .tuple(
    fc.constantFrom(...TYPES),
    fc.uniqueArray(fc.tuple(fc.constantFrom(...MEMBERS.slice(1)), jsonText), { selector: ([name]) => name }),
  )
  .map(([type, members]) => `{"type":"${type}"${members.map(([name, value]) => `,"${name}":${value}`).join("")}}`);

describe("decoding never throws", () => {
  test.each([
    ["any string", fc.string({ unit: "binary" })],
    ["any JSON", jsonText],
    ["any message of a known type", nearMessage],
  ])("on %s", (_, source) => {
    fc.assert(
      fc.property(source, (text) => {
        const decoded = decode(text);
        if (decoded.ok) expect(TYPES).toContain(decoded.message.type);
        else expect(decoded).toMatchObject({ code: "invalid_message", reason: expect.stringMatching(/\S/) });
      }),
    );
  });
});

test("an unknown member is refused, whatever its name", () => {
  const known = new Set(["type", "id", "seq"]);
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(...MEMBERS), fc.string()), (name) => {
      fc.pre(!known.has(name));
      const decoded = decode(`{"type":"ack","seq":1,${JSON.stringify(name)}:1}`);
      expect(decoded.ok, name).toBe(false);
    }),
  );
});

test("an id that is a number comes back, on good messages and bad ones", () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((id) => (id === 0 ? 0 : id)),
      (id) => {
        for (const rest of ['"type":"ack","seq":1', '"type":"ack"', '"type":"?"', '"type":"subscribe","keys":[""]']) {
          const decoded = decode(`{"id":${JSON.stringify(id)},${rest}}`);
          expect(decoded.ok ? decoded.message.id : decoded.id).toBe(id);
        }
      },
    ),
  );
});

function selection(keys: string[]): unknown {
  const parsed = parseSelection(keys);
  return parsed.ok && parsed.selection;
}

describe("good messages", () => {
  test.each([
    [{ type: "subscribe" }, { selection: selection([]), mode: "latest", hz: undefined }],
    [
      { type: "subscribe", keys: [] },
      { selection: selection([]), mode: "latest", hz: undefined },
    ],
    [
      { type: "subscribe", id: 1, keys: ["AAPL", "tech.*"], hz: 4, mode: "all" },
      { selection: selection(["AAPL", "tech.*"]), mode: "all", hz: 4 },
    ],
    [
      { type: "subscribe", hz: 0.1 },
      { selection: selection([]), mode: "latest", hz: 0.1 },
    ],
    [
      { type: "subscribe", hz: 60 },
      { selection: selection([]), mode: "latest", hz: 60 },
    ],
  ])("%j", (message, subscription) => {
    const id = "id" in message ? message.id : undefined;
    expect(decode(JSON.stringify(message))).toEqual({
      ok: true,
      message: { type: "subscribe", id, subscription },
    });
  });

  test.each([
    { type: "publish", id: 7, updates: [{ key: "A", patch: { p: 1 } }, "checked later"] },
    { type: "publish", id: 7, updates: Array.from({ length: 1_000 }, () => 0) },
    { type: "auth", id: 2, token: "" },
    { type: "ack", id: -0.5, seq: 0 },
    { type: "ack", id: 0, seq: Number.MAX_SAFE_INTEGER },
  ])("of type $type", (message) => {
    expect(decode(JSON.stringify(message))).toEqual({ ok: true, message });
  });
});
