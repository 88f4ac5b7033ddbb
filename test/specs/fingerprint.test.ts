import { expect, test } from "vitest";
import { CLOSE, MODES, PROBLEMS, SNAPSHOT_REASONS } from "../../src/protocol/codes.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { MSGPACK_PROTOCOL, PROTOCOL } from "../../src/protocol/names.ts";
import { ANSWER_HEADERS, PARAMETERS } from "../../src/protocol/parameters.ts";
import { asyncApi } from "../../src/specs/asyncapi.ts";
import { openApi } from "../../src/specs/openapi.ts";
import { messageSchemas, namedSchemas, withJsonSchemas } from "../../src/specs/schemas.ts";

const FINGERPRINT = "70b50478a630ec6c";

/** Members that are for people: another wording is not another wire. */
const WORDS = new Set(["description", "summary", "example", "examples"]);

const wire = {
  protocols: [PROTOCOL, MSGPACK_PROTOCOL],
  schemas: [namedSchemas(), messageSchemas()],
  codes: [PROBLEMS, CLOSE, MODES, Object.keys(SNAPSHOT_REASONS)],
  parameters: withJsonSchemas(PARAMETERS),
  headers: withJsonSchemas(ANSWER_HEADERS),
  // The operations and channels.
  documents: [openApi(""), asyncApi("")],
  limits: LIMITS,
};

/** JSON with the members of each object in order, and without words. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    const members = Object.entries(part).filter(([name]) => !WORDS.has(name));
    return Object.fromEntries(members.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

test("the wire has not changed without a line in CHANGELOG.md", async () => {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonical(wire)));
  const fingerprint = Array.from(new Uint8Array(bytes, 0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
  expect(
    fingerprint,
    `The wire has changed. Say in CHANGELOG.md whether this is compatible, then set the fingerprint to "${fingerprint}" in test/specs/fingerprint.test.ts.`,
  ).toBe(FINGERPRINT);
});
