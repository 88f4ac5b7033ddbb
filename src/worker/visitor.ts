import { principalOf, type Access, type Caller } from "../access/access.ts";
import { readNamePattern, type NameFilter } from "../protocol/name-patterns.ts";
import { fingerprint } from "../access/keys.ts";
import { LONGEST_SUBJECT } from "../access/jwt.ts";
import type { Visitor } from "./types.ts";

/**
 * The caller that a visitor is; undefined if its time is over. Throws if what the sign-in has given is wrong: a pattern that is
 * mistyped must not grant.
 */
export async function callerOf(visitor: Visitor, access: Access): Promise<Caller | undefined> {
  const { subject, admin = false, until } = visitor;
  if (typeof subject !== "string" || subject === "" || subject.length > LONGEST_SUBJECT)
    throw new TypeError(`authenticate gave a subject that is not 1 to ${LONGEST_SUBJECT} characters`);
  const subscribe = filterOf("subscribe", visitor.subscribe);
  const publish = filterOf("publish", visitor.publish);
  // A time that never comes could not be written down with a socket.
  const expires = until === undefined || until === Infinity ? undefined : Number(until);
  if (Number.isNaN(expires)) throw new TypeError("authenticate gave until, which is not a time");
  if (expires !== undefined && expires <= Date.now()) return undefined;
  // As a token's: limits leave some of everything to keys.
  const id = `token ${await fingerprint(JSON.stringify(["sign-in", subject]))}`;
  return {
    kind: "token",
    id,
    principal: principalOf("token", id),
    subject,
    expires,
    on: (feed) =>
      access.grantsOn(feed, {
        admin,
        metrics: admin,
        subscribe: admin || subscribe(feed),
        publish: admin || publish(feed),
      }),
  };
}

function filterOf(what: string, patterns: readonly string[] = []): NameFilter {
  const filters = patterns.map((pattern) => {
    const filter = readNamePattern(pattern);
    if (!filter) throw new TypeError(`authenticate gave ${what} with what is no name pattern: ${pattern}`);
    return filter;
  });
  return (feed) => filters.some((matches) => matches(feed));
}
