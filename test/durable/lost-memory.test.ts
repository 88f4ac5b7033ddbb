import fc from "fast-check";
import { test } from "vitest";
import { Journey } from "../http/support/journey.ts";
import { endings, interests, journeys } from "../http/support/steps.ts";
import { runs } from "../support/runs.ts";

test("[I2] clients end with the feed's entries, each update seen once, even if the object loses its memory after every step", async () => {
  await fc.assert(
    fc.asyncProperty(interests, journeys, endings, async (interests, steps, endings) => {
      const journey = new Journey(interests, new Set());
      try {
        for (const step of steps) {
          await journey.act(step);
          await journey.act({ do: "evict" });
        }
        await journey.arrive(endings);
      } finally {
        await journey.end();
      }
    }),
    { numRuns: runs(4), interruptAfterTimeLimit: 600_000 },
  );
}, 900_000);
