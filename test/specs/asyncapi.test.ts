import { describe, expect, test } from "vitest";
import { CLIENT_MESSAGES } from "../../src/protocol/client-messages.ts";
import { CLOSE } from "../../src/protocol/codes.ts";
import { SERVER_MESSAGES } from "../../src/protocol/server-messages.ts";
import type { Schema } from "./references.ts";
import { asyncapi } from "./served.ts";

describe("/asyncapi.json", () => {
  const channels = asyncapi["channels"] as Record<string, Schema>;

  // `test/e2e/specs-standards.test.ts` holds the document against the standard's own schema.
  test("answers on the channel that it is asked on, and declares every parameter of an address", () => {
    for (const operation of Object.values(asyncapi["operations"] as Record<string, Schema>)) {
      const { $ref } = operation["channel"] as { $ref: string };
      const reply = (operation["reply"] as Schema | undefined) ?? { messages: [] };
      for (const message of [...(operation["messages"] as Schema[]), ...(reply["messages"] as Schema[])])
        expect(message["$ref"]).toMatch(new RegExp(`^${$ref}/messages/\\w+$`));
    }
    for (const { address, parameters } of Object.values(channels))
      expect(Object.keys(parameters as Schema)).toEqual(String(address).match(/(?<=\{)\w+(?=\})/g) ?? []);
  });

  test("has every message both ways", () => {
    const said = new Set<string>();
    const note = (list: unknown, action: unknown): void => {
      for (const { $ref } of (list ?? []) as Schema[]) said.add(`${String(action)} ${String($ref).split("/").at(-1)}`);
    };
    for (const { action, messages, reply } of Object.values(asyncapi["operations"] as Record<string, Schema>)) {
      note(messages, action);
      note((reply as Schema | undefined)?.["messages"], "send");
    }
    const sent = [...Object.keys(SERVER_MESSAGES), "pong"];
    const received = [...Object.keys(CLIENT_MESSAGES), "ping"];
    const expected = [...sent.map((name) => `send ${name}`), ...received.map((name) => `receive ${name}`)];
    expect([...said].toSorted()).toEqual(expected.toSorted());
  });

  test("has every close code, and one that only the platform uses", () => {
    const codes = channels["socket"]!["x-close-codes"] as { code: number; comeBack: boolean }[];
    expect(codes.map(({ code }) => code)).toEqual([...Object.values(CLOSE), 1001].toSorted((a, b) => a - b));
    // 44xx means: do not come back unchanged. 4429 is the exception.
    for (const { code, comeBack } of codes.filter(({ code }) => code >= 4400)) {
      expect(comeBack).toBe(code === 4429 || code === 4503);
    }
  });
});
