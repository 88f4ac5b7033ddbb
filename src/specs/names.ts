import { LIMITS } from "../protocol/limits.ts";
import type { JsonSchema } from "./json-schema.ts";

/** What no key may have: control characters, and what belongs to the syntax of selections. */
const NOT_IN_A_KEY = "\\u0000-\\u001f\\u007f-\\u009f*,";
const LETTER = `[^${NOT_IN_A_KEY}]`;

/** The names and positions of the wire. */
export const NAMES: Readonly<Record<string, JsonSchema>> = {
  Feed: {
    type: "string",
    pattern: "^[a-z0-9][a-z0-9._-]*$",
    maxLength: LIMITS.feedNameLength,
    description: "A feed's name.",
    examples: ["stocks"],
  },
  Key: {
    type: "string",
    pattern: `^${LETTER}+$`,
    minLength: 1,
    maxLength: LIMITS.keyLength,
    description: "An entry's name inside its feed: well-formed Unicode without control characters, `*` and `,`.",
    examples: ["AAPL"],
  },
  Pattern: {
    type: "string",
    pattern: `^(\\*|${LETTER}{1,${LIMITS.keyLength}}\\*?)$`,
    minLength: 1,
    maxLength: LIMITS.keyLength + 1,
    description: "A key, a `prefix*`, or `*` for all.",
    examples: ["tech.*"],
  },
  Value: {
    type: "object",
    description: `An entry's fields: up to ${LIMITS.valueBytes} bytes as JSON, nested no deeper than ${LIMITS.valueDepth}.`,
    examples: [{ price: 191.2, size: 300 }],
  },
  Patch: {
    type: "object",
    description: "An RFC 7396 merge patch: `null` removes a member. What it makes is bounded like any value.",
    examples: [{ price: 191.3, halted: null }],
  },
  Epoch: {
    type: "string",
    pattern: "^[a-z0-9]{1,32}$",
    description: "New whenever the feed begins or is reset. To be compared for equality only.",
    examples: ["k3v7x2qm4a"],
  },
  Seq: {
    type: "integer",
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: "The feed's counter: +1 for every accepted update.",
    examples: [1045],
  },
  Position: {
    type: "string",
    pattern: "^[a-z0-9]{1,32}:(0|[1-9][0-9]{0,15})$",
    description: `\`EPOCH:SEQ\`, the same on every transport. SEQ is ${Number.MAX_SAFE_INTEGER} at most.`,
    examples: ["k3v7x2qm4a:1045"],
  },
  Time: { type: "number", description: "Milliseconds since 1970.", examples: [1732096000123] },
};

/** Names the schema of that name in either document. */
export function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** An object of the server's: it may say more one day, and clients ignore what they do not know. */
export function told(properties: JsonSchema, optional: readonly string[] = []): JsonSchema {
  return {
    type: "object",
    properties,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
  };
}
