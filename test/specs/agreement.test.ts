import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { decodeClientMessage } from "../../src/protocol/client-messages.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";
import { isFeedName, keyProblem } from "../../src/protocol/names.ts";
import { parsePosition } from "../../src/protocol/position.ts";
import { parseSelection } from "../../src/protocol/selection.ts";
import { acceptUpdate, checkUpdate, decodeUpdatesInSteps } from "../../src/protocol/update-decoding.ts";
import { jsonSchemas } from "../../src/specs/schemas.ts";
import { newFeed, publish } from "../support/api.ts";
import { EventReader } from "../support/event-reader.ts";
import { runs } from "../support/runs.ts";
import { TestSubscriber } from "../support/subscriber.ts";
import { mutated, valid } from "./arbitraries.ts";
import { resolve, type Schema } from "./references.ts";
import { findProblems } from "./validate.ts";
import { asyncapi } from "./served.ts";

const schema = (name: string): Schema => resolve(asyncapi, `#/components/schemas/${name}`);
const payload = (name: string): Schema => resolve(asyncapi, `#/components/messages/${name}/payload`);
/** A position of the right form whose seq is too large for a double. */
const BEYOND_DOUBLES = /^[a-z0-9]{1,32}:9[0-9]{15}$/;
const fits = (schema: Schema, value: unknown): boolean => findProblems(asyncapi, schema, value).length === 0;

describe("the documents allow what the server accepts, and nothing else", () => {
  test.each<[string, (text: string) => boolean]>([
    ["Feed", isFeedName],
    ["Key", (key) => keyProblem(key) === undefined],
    ["Pattern", (pattern) => parseSelection([pattern]).ok],
    ["Position", (text) => parsePosition(text) !== undefined || BEYOND_DOUBLES.test(text)],
  ])("%s", (name, takes) => {
    const text = fc.oneof(
      valid(asyncapi, schema(name)),
      fc.string({ unit: "grapheme" }),
      fc
        .tuple(valid(asyncapi, schema(name)), fc.constantFrom("*", ",", "\u0085", " ", "A", "-", ":", "x".repeat(100)))
        .map((parts) => parts.join("")),
    );
    const property = fc.property(text, (text) => {
      expect(fits(schema(name), text)).toBe(takes(String(text)));
    });
    fc.assert(property, { numRuns: runs(300) });
  });

  test("updates", () => {
    const update = valid(asyncapi, schema("Update"));
    const property = fc.property(fc.oneof(update, mutated(update)), (update) => {
      const input: unknown = JSON.parse(JSON.stringify(update));
      const isAllowed = fits(schema("Update"), input);
      expect(checkUpdate(input).ok).toBe(isAllowed);
      expect(acceptUpdate(input)?.ok ?? false).toBe(isAllowed);
    });
    fc.assert(property, { numRuns: runs(1_000) });
  });

  test.each(["subscribe", "publish", "auth", "ack"])("%s messages", (name) => {
    const message = valid(asyncapi, payload(name));
    const property = fc.property(fc.oneof(message, mutated(message)), (message) => {
      const text = JSON.stringify(message);
      const decoded = finishSteps(decodeClientMessage(text));
      const isTaken =
        decoded.ok &&
        decoded.message.type === name &&
        (decoded.message.type !== "publish" || finishSteps(decodeUpdatesInSteps(decoded.message.updates)).ok);
      expect(fits(payload(name), JSON.parse(text))).toBe(isTaken);
    });
    fc.assert(property, { numRuns: runs(300) });
  });
});

test("the messages on a socket are as the document says, and have no undescribed member", async () => {
  const feed = newFeed();
  await publish(feed, { key: "A", set: { p: 1 } });
  const subscriber = await TestSubscriber.connect(feed, "?hz=2", { Authorization: "Bearer publish-key" });
  await subscriber.reaches(1);
  await publish(feed, { key: "A", patch: { p: 2 }, time: 1, version: 7 });
  await publish(feed, { key: "A", patch: { q: 2 } });
  await subscriber.reaches(3);
  subscriber.send({ type: "subscribe", id: 1, keys: ["B"] });
  subscriber.send({ type: "publish", id: 2, updates: [{ key: "B", set: {} }] });
  subscriber.send({ type: "auth", id: 3, token: "publish-key" });
  subscriber.send({ type: "publish", id: 4, updates: [{ key: "B" }] });
  await subscriber.message("error", 4);
  await subscriber.message("receipt", 2);
  await subscriber.reaches(4);
  const types = new Set(subscriber.messages.map(({ type }) => type));
  expect([...types].toSorted()).toEqual(["authorized", "error", "hello", "receipt", "snapshot", "update"]);
  for (const message of subscriber.messages)
    expect(findProblems(asyncapi, payload(message.type), message, true), JSON.stringify(message)).toEqual([]);
  subscriber.close();
});

test("the messages in a stream are as the document says", async () => {
  const feed = newFeed();
  await publish(feed, { key: "A", set: { p: 1 }, ttl: 3600 });
  const reader = await EventReader.open(feed);
  await reader.reaches(1);
  await publish(feed, [
    { key: "A", patch: { p: 2 } },
    { key: "B", delete: true },
  ]);
  await reader.reaches(3);
  const { messages } = (asyncapi["channels"] as Record<string, { messages: object }>)["stream"]!;
  expect(reader.events.map(({ event }) => event)).toEqual(["hello", "snapshot", "update"]);
  for (const { event, data } of reader.events) {
    expect(messages).toHaveProperty(event);
    expect(findProblems(asyncapi, payload(event), JSON.parse(data), true), data).toEqual([]);
  }
  await reader.cancel();
});

test.each([
  [
    "a check by a function",
    v.pipe(
      v.string(),
      v.check(() => true),
    ),
  ],
  ["a value that a function checks", v.custom(() => true)],
  ["a kind of schema that is not known", v.map(v.string(), v.string())],
])("%s has no JSON Schema: the documents would not have the rule", (_, schema) => {
  expect(() => jsonSchemas({ schema })).toThrow(/cannot be converted/);
});
