import * as fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import {
  encodeReceipt,
  encodeSnapshotAnswerStart,
  receiptAnswerSchema,
  snapshotAnswerSchema,
} from "../../src/protocol/answers.ts";
import { PROBLEMS, SNAPSHOT_REASONS } from "../../src/protocol/codes.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { namesOf } from "../../src/protocol/schemas.ts";
import {
  encodeAuthorized,
  encodeError,
  encodeHello,
  encodeReceiptMessage,
  encodeSnapshotPart,
  encodeUpdateMessage,
  SERVER_MESSAGES,
} from "../../src/protocol/server-messages.ts";
import { encodeDelete, encodeSet, encodeUpdate } from "../../src/protocol/update.ts";
import { key as anyKey, objectText, sorted, text } from "./arbitraries.ts";

// A schema of a record does not look at members with these names.
const key = anyKey.filter((name) => !["__proto__", "constructor", "prototype"].includes(name));
const feed = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,63}$/);
const epoch = fc.stringMatching(/^[a-z2-7]{10}$/);
const seq = fc.maxSafeNat();
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));
const id = fc.option(finite, { nil: undefined });
const at = fc.record({ epoch, seq, time: finite });
const valueText = objectText.map((source) => JSON.stringify(JSON.parse(source)));
const entries = fc
  .uniqueArray(fc.tuple(key, valueText), { selector: ([name]) => name, maxLength: 5 })
  .map((members) => members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join());
const stamps = fc.record({ time: finite, version: finite }, { requiredKeys: [] });
const update = fc.oneof(
  fc.tuple(key, valueText, stamps).map((args) => encodeSet(...args)),
  fc.tuple(key, stamps).map((args) => encodeDelete(...args)),
  fc
    .tuple(key, valueText, stamps, fc.double({ min: 1e-9, max: LIMITS.ttlMax, noNaN: true }))
    .map(([name, value, stamps, ttl]) => encodeUpdate({ key: name, patch: JSON.parse(value), ttl, ...stamps })),
);
const receipt = fc.record({ epoch, seq, accepted: fc.nat(1_000), stale: fc.nat(1_000) });
const code = fc.constantFrom(...namesOf(PROBLEMS), "invalid_message" as const);
const issues = fc.array(fc.record({ index: fc.nat(1_000), path: text, message: text }), {
  maxLength: LIMITS.reportedIssues,
});
const details = fc.record({ issues, retryAfter: fc.integer({ min: 1, max: 600 }) }, { requiredKeys: [] });

/** The output of each encoder for any input. */
const ENCODED = {
  hello: fc.tuple(feed, at).map((args) => encodeHello(...args)),
  snapshot: fc
    .tuple(at, fc.constantFrom(...namesOf(SNAPSHOT_REASONS)), entries, fc.boolean(), id)
    .map((args) => encodeSnapshotPart(...args)),
  update: fc
    .record({ from: seq, seq, time: finite, updates: fc.array(update, { maxLength: 5 }), skipped: fc.nat(3) })
    .map(encodeUpdateMessage),
  receipt: fc.tuple(id, receipt, fc.boolean()).map((args) => encodeReceiptMessage(...args)),
  authorized: fc.tuple(id, fc.option(finite, { nil: undefined })).map((args) => encodeAuthorized(...args)),
  error: fc.tuple(id, code, text, details).map((args) => encodeError(...args)),
} satisfies Record<keyof typeof SERVER_MESSAGES, fc.Arbitrary<string>>;

/** Expects that the text fits the schema and has no other members. */
function expectFits(schema: v.GenericSchema, encoded: string): void {
  const sent: unknown = JSON.parse(encoded);
  const parsed = v.safeParse(schema, sent);
  expect(parsed.success, `${encoded}: ${parsed.issues?.[0].message}`).toBe(true);
  // The schema leaves out members that it does not name.
  expect(sorted(parsed.output)).toBe(sorted(sent));
}

describe("the output of an encoder fits its schema", () => {
  test.each(namesOf(SERVER_MESSAGES))("%s", (type) => {
    fc.assert(fc.property(ENCODED[type], (encoded) => expectFits(SERVER_MESSAGES[type], encoded)));
  });

  test("the receipt over HTTP", () => {
    fc.assert(
      fc.property(feed, receipt, (feed, receipt) => expectFits(receiptAnswerSchema, encodeReceipt(feed, receipt))),
    );
  });

  test("the snapshot over HTTP", () => {
    fc.assert(
      fc.property(feed, at, entries, (feed, at, entries) =>
        expectFits(snapshotAnswerSchema, `${encodeSnapshotAnswerStart(feed, at)}${entries}}}`),
      ),
    );
  });
});
