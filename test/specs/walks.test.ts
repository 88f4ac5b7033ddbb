import fc from "fast-check";
import { expect, test } from "vitest";
import { runs } from "../support/runs.ts";
import { exchange, followLink, idOf, linkedRequest, linksOf, named, type Exchange } from "./follow-links.ts";
import { follow, resolve, type Schema } from "./references.ts";
import { validRequests, type Sent } from "./requests.ts";
import { openapi, operations, type Operation } from "./served.ts";

const STEPS = 6;

/** A request that the document allows. The same number makes the same request. */
function made(operation: Operation, seed: number): Sent {
  return fc.sample(validRequests(operation), { numRuns: 1, seed })[0]!;
}

/** The plainest request: the first example of what is required and of the body, and the minimum of what has one. */
function plainest(operation: Operation): Sent {
  const parameters = operation.parameters.map((parameter) => {
    const [first] = (follow(openapi, parameter["schema"])["examples"] ?? []) as string[];
    const { minimum } = parameter["schema"] as Schema;
    const known = parameter["required"] === true ? first : minimum === undefined ? undefined : JSON.stringify(minimum);
    return { parameter, text: parameter["name"] === "Idempotency-Key" ? "once" : known };
  });
  const [value] = resolve(openapi, "#/components/schemas/Update")["examples"] as unknown[];
  const body = operation.operation["requestBody"] === undefined ? undefined : { type: "application/json", value };
  return { parameters, body, security: "bearer", wants: {} };
}

test("every link leads on", async () => {
  const seen: Exchange[] = [];
  for (const id of ["resetFeed", "publish", "readFeed", "listFeeds"]) {
    seen.push(await exchange(named(id), plainest(named(id))));
  }
  const followed = new Set<string>();
  // The loop also visits what it adds to `seen`.
  for (const one of seen) {
    for (const { name } of linksOf(one)) {
      if (followed.has(`${idOf(one.operation)} ${name}`)) continue;
      followed.add(`${idOf(one.operation)} ${name}`);
      const next = await followLink(one, name);
      expect(next.answered.status, name).toBeLessThan(400);
      seen.push(next);
    }
  }
  const described = operations.flatMap((one) =>
    Object.values(one.operation["responses"] as Record<string, Schema>).flatMap(({ links = {} }) =>
      Object.keys(links as Schema).map((name) => `${idOf(one)} ${name}`),
    ),
  );
  expect(described.length).toBeGreaterThan(10);
  expect([...followed].toSorted()).toEqual(described.toSorted());
});

test("one answer leads to the next as the document says, step by step", { timeout: 600_000 }, async () => {
  const first = fc.constantFrom("publish", "publish", "readFeed", "listFeeds", "resetFeed");
  const steps = fc.array(fc.tuple(fc.nat(), fc.integer()), { minLength: STEPS, maxLength: STEPS });
  const property = fc.asyncProperty(first, fc.integer(), steps, async (id, seed, steps) => {
    const seen = [await exchange(named(id), made(named(id), seed))];
    for (const [choice, seed] of steps) {
      const ways = seen.flatMap(linksOf);
      const way = ways[choice % ways.length];
      if (!way) return;
      const next = await exchange(way.operation, linkedRequest(way, made(way.operation, seed)));
      // The request is right, but an earlier one had the same key.
      if (next.answered.code !== "idempotency_mismatch") expect(next.answered.status, way.name).toBeLessThan(400);
      seen.push(next);
    }
  });
  await fc.assert(property, { numRuns: runs(8), endOnFailure: false });
});
