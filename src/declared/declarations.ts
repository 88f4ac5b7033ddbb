import type { JsonObject } from "../protocol/json.ts";
import { LIMITS } from "../protocol/limits.ts";
import { readNamePattern, type NameFilter } from "../protocol/name-patterns.ts";
import type { FeedDeclaration, FeedOptions } from "./feed.ts";
import { isStandardSchema, issuesOf, jsonSchemaOf } from "./standard-schema.ts";

/** What a declaration may have, and what has to be true of it, in words. */
const CHECKS: Readonly<Record<keyof FeedOptions, readonly [words: string, isGood: (value: unknown) => boolean]>> = {
  value: ["a schema (Standard Schema: valibot, zod, arktype, ...)", isStandardSchema],
  subscribe: ['"public" or "token"', (value) => value === "public" || value === "token"],
  publish: ['"token" or "code"', (value) => value === "token" || value === "code"],
  ttl: [`seconds above 0, at most ${LIMITS.ttlMax}`, (value) => isAbove0(value) && Number(value) <= LIMITS.ttlMax],
  silentAfter: ["seconds above 0", isAbove0],
  maxKeys: ["a whole number above 0", isCount],
  maxLength: ["a whole number above 0", isCount],
  maxHistory: ["a whole number above 0", isCount],
  publishRate: ["a number above 0", isAbove0],
  publishBurst: ["a number of at least 1", (value) => isAbove0(value) && Number(value) >= 1],
  maxSockets: ["a whole number above 0", isCount],
};

/** The feeds that code declares. There are no others. */
export class Declarations {
  readonly #feeds: readonly {
    readonly pattern: string;
    readonly matches: NameFilter;
    readonly rules: FeedDeclaration;
  }[];

  /** Throws an error with a sentence if a declaration is wrong: a rule that is mistyped must not become no rule. */
  constructor(feeds: Readonly<Record<string, FeedDeclaration>>) {
    const patterns = Object.entries(feeds).map(([pattern, rules]) => {
      const matches = readNamePattern(pattern);
      if (!matches) {
        throw new Error(
          `tickertape: ${JSON.stringify(pattern)} cannot be a feed's name, which is 1 to 64 of a-z 0-9 . _ -, with * at the end for all that begin so`,
        );
      }
      checkRules(pattern, rules);
      return { pattern, matches, rules };
    });
    if (patterns.length === 0) throw new Error("tickertape: no feed is declared");
    // A name of its own counts before a pattern, and a longer pattern before a shorter one.
    this.#feeds = patterns.toSorted(
      (a, b) => Number(isPattern(a.pattern)) - Number(isPattern(b.pattern)) || b.pattern.length - a.pattern.length,
    );
  }

  /** What is declared of a feed; undefined if it is not served. */
  of(feed: string): FeedDeclaration | undefined {
    return this.#feeds.find(({ matches }) => matches(feed))?.rules;
  }

  /** All of them, the one that counts first before the others. */
  get all(): readonly FeedDeclaration[] {
    return this.#feeds.map(({ rules }) => rules);
  }

  /** The schemas of values, by name or pattern, where their libraries can say them as JSON Schema, of feeds that are shown. */
  jsonSchemas(isShown: (rules: FeedDeclaration) => boolean): ReadonlyMap<string, JsonObject> {
    const schemas = new Map<string, JsonObject>();
    for (const { pattern, rules } of this.#feeds) {
      const schema = rules.value && isShown(rules) && jsonSchemaOf(rules.value);
      if (schema) schemas.set(pattern, schema);
    }
    return schemas;
  }
}

function checkRules(pattern: string, rules: FeedDeclaration): void {
  const name = `tickertape: of the feed ${JSON.stringify(pattern)}, `;
  for (const [option, value] of Object.entries(rules)) {
    if (!isOption(option)) throw new Error(`${name}${option} is declared, which does not exist`);
    const [words, isGood] = CHECKS[option];
    if (value !== undefined && !isGood(value)) throw new Error(`${name}${option} is not ${words}`);
  }
  const { value, publish, publishRate, publishBurst, maxKeys, maxLength } = rules;
  if (publish === "code" && (publishRate ?? publishBurst) !== undefined)
    throw new Error(`${name}publishRate and publishBurst limit credentials, which may not publish to it`);
  if (maxKeys !== undefined && maxLength !== undefined && maxKeys > maxLength)
    throw new Error(`${name}maxKeys are more than fit into maxLength`);
  if (!value) return;
  try {
    issuesOf(value, {});
  } catch (error) {
    throw new Error(`${name}the schema cannot be used: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function isOption(name: string): name is keyof FeedOptions {
  return Object.hasOwn(CHECKS, name);
}

function isPattern(name: string): boolean {
  return name.endsWith("*");
}

function isAbove0(value: unknown): boolean {
  return typeof value === "number" && value > 0 && value < Infinity;
}

function isCount(value: unknown): boolean {
  return isAbove0(value) && Number.isSafeInteger(value);
}
