import { describe, expect, test } from "vitest";
import { bearer, newFeed, publish, request } from "../support/api.ts";
import { appWith } from "../support/app.ts";
import { KEYS } from "./credentials.ts";

const SHARED = "public, max-age=0, s-maxage=1";
const OWN = "private, no-cache";

async function feedAt(seq: number): Promise<{ path: string; epoch: string }> {
  const feed = newFeed();
  const { epoch } = await publish(
    feed,
    Array.from({ length: seq }, (_, i) => ({ key: `k${i}`, set: { i } })),
  );
  return { path: `/v1/feeds/${feed}`, epoch };
}

const cacheControl = (response: Response): string | null => response.headers.get("Cache-Control");

describe("what changed since a position, of a feed that anyone may read", () => {
  test.each([
    ["a position on the way", 1],
    ["the present one", 3],
  ])("[CACHE1] may be kept by shared caches for a second: %s", async (_, seq) => {
    const { path, epoch } = await feedAt(3);
    expect(cacheControl(await request(`${path}?since=${epoch}:${seq}`))).toBe(SHARED);
  });

  test("that of an epoch that has ended: a snapshot, for all who were there", async () => {
    const { path } = await feedAt(3);
    const response = await request(`${path}?since=gone:7`);
    expect(await response.json()).toMatchObject({ type: "snapshot", reason: "epoch_changed" });
    expect(cacheControl(response)).toBe(SHARED);
  });

  test("[CACHE2] but not since a position ahead of the feed: a reader that reaches it in a moment would go back", async () => {
    const { path, epoch } = await feedAt(3);
    const response = await request(`${path}?since=${epoch}:4`);
    expect(await response.json()).toMatchObject({ type: "snapshot", reason: "position_ahead", seq: 3 });
    expect(cacheControl(response)).toBe(OWN);
  });

  test("nor a long poll that ends without a change", async () => {
    const { path, epoch } = await feedAt(3);
    const response = await request(`${path}?since=${epoch}:3&wait=0`);
    expect(response.status).toBe(204);
    expect(cacheControl(response)).toBe(OWN);
  });
});

describe("[CACHE2] cached only by its reader, who asks again before each use:", () => {
  test.each([
    ["a snapshot", ""],
    ["a selection of it", "?keys=k1"],
    ["stats", "/stats"],
    ["history", "/history?key=k1"],
  ])("%s", async (_, more) => {
    const { path } = await feedAt(3);
    expect(cacheControl(await request(`${path}${more}`))).toBe(OWN);
  });

  test("everything that is read with a credential", async () => {
    const { path, epoch } = await feedAt(3);
    for (const access of ["public", "token"]) {
      const read = appWith({ ...KEYS, SUBSCRIBE_ACCESS: access });
      const response = await read(`${path}?since=${epoch}:1`, { headers: bearer("old-admin") });
      expect(response.status).toBe(200);
      expect(cacheControl(response)).toBe(OWN);
    }
  });
});

test("Vary names what a response depends on beside its URL: its form, and the page's origin", async () => {
  const { path, epoch } = await feedAt(3);
  const response = await request(`${path}?since=${epoch}:1`, { headers: { Origin: "https://page.example" } });
  const vary = (response.headers.get("Vary") ?? "").toLowerCase().split(/, */).toSorted();
  expect(vary).toEqual(["accept", "origin"]);
});

test("refusals are not kept at all", async () => {
  const { path } = await feedAt(1);
  expect(cacheControl(await request(`${path}?since=nonsense`))).toBe("no-store");
});
