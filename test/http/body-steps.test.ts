import { expect, test } from "vitest";
import { readPublishBody } from "../../src/http/publish-body.ts";

/** The steps in which a body is parsed, in characters. */
async function stepsOf(type: string, body: string): Promise<number[]> {
  const request = new Request("https://feeds.test/", { method: "POST", headers: { "Content-Type": type }, body });
  const parsing = (await readPublishBody(request, { id: "key", kind: "key" })).parse();
  const steps: number[] = [];
  for (let step = parsing.next(); step.done !== true; step = parsing.next()) steps.push(step.value);
  return steps;
}

function sum(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total + length, 0);
}

const update = `{"key":"A","set":{"text":"${"x".repeat(1_000)}"}}`;

test("[I7] a long line is as much work as the same text in JSON, and is counted once", async () => {
  const line = `[${Array.from({ length: 300 }, () => update).join(",")}]`;
  const steps = await stepsOf("application/x-ndjson", `${line}\n${line}\n`);
  const json = await stepsOf("application/json", line);
  expect(json.length).toBeGreaterThan(2);
  expect(sum(steps)).toBe(2 * sum(json));
});

test("[I7] short lines are parsed in steps that are not long", async () => {
  const lines = Array.from({ length: 500 }, () => update).join("\n");
  const steps = await stepsOf("application/x-ndjson", lines);
  expect(steps.length).toBeGreaterThan(10);
  expect(Math.max(...steps)).toBeLessThan(40_000);
});
