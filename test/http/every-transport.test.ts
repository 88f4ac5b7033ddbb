import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runs } from "../support/runs.ts";
import { Journey } from "./support/journey.ts";
import { rareJourneys } from "./support/rare-journeys.ts";
import { endings, interests, journeys } from "./support/steps.ts";

describe("[I2] one position works on every transport", () => {
  test("clients that change between them at random, cut off at any moment, end with the feed's entries, each update seen once", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(interests, journeys, endings, async (interests, steps, endings) => {
        const journey = new Journey(interests, seen);
        try {
          for (const step of steps) await journey.act(step);
          await journey.arrive(endings);
        } finally {
          await journey.end();
        }
      }),
      { numRuns: runs(18), examples: rareJourneys },
    );
    // The property is worth something only where all of this happened.
    for (const over of ["json", "packed", "events", "read", "poll"]) {
      for (const what of ["update", "snapshot", "missed updates", "cut"]) expect(seen).toContain(`${over}: ${what}`);
    }
    expect(seen).toContain("read: from a shared cache");
    for (const what of ["initial", "epoch_changed", "reset", "subscribe", "skipped"]) expect(seen).toContain(what);
  });
});
