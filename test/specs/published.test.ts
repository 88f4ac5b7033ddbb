import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { newFeed } from "../support/api.ts";
import { runs } from "../support/runs.ts";
import { exchange, followLink, named, type Exchange } from "./follow-links.ts";
import { validRequests } from "./requests.ts";

describe("after any one update", () => {
  interface Update {
    readonly key: string;
    readonly set?: object;
    readonly delete?: true;
  }

  /** Publishes one update without a `ttl` to a new feed, as the document describes it, and then does `next`. */
  async function published(next: (from: Exchange, update: Update) => Promise<void>): Promise<void> {
    const property = fc.asyncProperty(validRequests(named("publish")), async (sent) => {
      const [update] = [sent.body!.value].flat() as [Update & { ttl?: number }];
      const { ttl: _, ...value } = update;
      const parameters = sent.parameters.map((said) =>
        said.parameter["in"] === "path" ? { ...said, text: newFeed() } : said,
      );
      const from = await exchange(named("publish"), { ...sent, parameters, body: { ...sent.body!, value } });
      expect(from.answered.body).toMatchObject({ seq: 1, accepted: 1, stale: 0 });
      await next(from, value);
    });
    await fc.assert(property, { numRuns: runs(5), endOnFailure: false });
  }

  test("it can be read, and is not sent again to a client that has it", { timeout: 600_000 }, () =>
    published(async (from, { key, delete: isGone }) => {
      const state = await followLink(from, "state");
      expect(state.answered.body).toMatchObject({ seq: 1 });
      const { entries } = state.answered.body as { entries: object };
      expect(Object.keys(entries)).toEqual(isGone ? [] : [key]);
      const { answered: again } = await followLink(state, "unchanged");
      expect([again.status, again.headers.get("ETag")]).toEqual([304, state.answered.headers.get("ETag")]);
    }),
  );

  test("it is in the history of its key, and in the feed's figures", { timeout: 600_000 }, () =>
    published(async (from, update) => {
      const history = (await followLink(from, "history")).answered.body as {
        updates: (Update & { seq: number })[];
        more: boolean;
      };
      expect([history.updates.map(({ seq }) => seq), history.more]).toEqual([[1], false]);
      expect(history.updates[0]!.set).toEqual(update.set);
      expect((await followLink(from, "stats")).answered.body).toMatchObject({ seq: 1, keys: update.delete ? 0 : 1 });
    }),
  );

  test("nothing has changed since, until something does, and a waiting client is told", { timeout: 600_000 }, () =>
    published(async (from, { key }) => {
      expect((await followLink(from, "changes")).answered.body).toMatchObject({
        type: "update",
        from: 1,
        seq: 1,
        updates: [],
      });
      expect((await followLink(from, "changes", { "query.wait": "0.01" })).answered.status).toBe(204);
      const waiting = followLink(from, "changes", { "query.wait": "20" });
      const body = { type: "application/json", value: { key, set: { n: 1 } } };
      const another = from.sent.parameters.map((said) =>
        said.parameter["in"] === "path" ? said : { ...said, text: undefined },
      );
      await exchange(from.operation, { ...from.sent, parameters: another, body });
      const { status, body: told } = (await waiting).answered;
      expect(status).toBe(200);
      expect(told).toMatchObject({ type: "update", from: 1, seq: 2, updates: [{ key, set: { n: 1 } }] });
    }),
  );

  test(
    "a repeat with the same Idempotency-Key gets the same receipt, and publishes nothing",
    { timeout: 600_000 },
    () =>
      published(async (from) => {
        const parameters = from.sent.parameters.map((said) =>
          said.parameter["name"] === "Idempotency-Key" ? { ...said, text: "once" } : said,
        );
        const first = await exchange(from.operation, { ...from.sent, parameters });
        const coded = parameters.find(({ parameter }) => parameter["name"] === "Content-Encoding")?.text;
        const { answered: again } = await followLink(
          first,
          "repeated",
          coded === undefined ? {} : { "header.Content-Encoding": coded },
        );
        expect(again.headers.get("Idempotency-Replayed")).toBe("true");
        expect(again.body).toEqual(first.answered.body);
        const { seq } = first.answered.body as { seq: number };
        expect((await followLink(first, "stats")).answered.body).toMatchObject({ seq });
      }),
  );
});
