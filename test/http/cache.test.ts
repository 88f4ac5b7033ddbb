import { beforeAll, expect, test } from "vitest";
import { bearer, newFeed, publish, request } from "../support/api.ts";
import { appWith } from "../support/app.ts";
import { KEYS } from "./credentials.ts";

const SHARED = "public, max-age=0, s-maxage=1";
const OWN = "private, no-cache";

const feed = newFeed();
const path = `/v1/feeds/${feed}`;
let epoch = "";

beforeAll(async () => {
  const updates = [1, 2, 3].map((i) => ({ key: `k${i}`, set: { i } }));
  ({ epoch } = await publish(feed, updates));
});

const cacheControl = (response: Response): string | null => response.headers.get("Cache-Control");

test.each([
  ["[CACHE1] what changed since a position on the way", "?since=EPOCH:1", SHARED],
  ["[CACHE1] what changed since the present one", "?since=EPOCH:3", SHARED],
  ["[CACHE1] the snapshot since an epoch that has ended, for all who were there", "?since=gone:7", SHARED],
  [
    "[CACHE2] the snapshot since a position ahead: a reader that reaches it in a moment would go back",
    "?since=EPOCH:4",
    OWN,
  ],
  ["[CACHE2] a long poll that ends without a change", "?since=EPOCH:3&wait=0", OWN],
  ["[CACHE2] a snapshot", "", OWN],
  ["[CACHE2] a selection of it", "?keys=k1", OWN],
  ["[CACHE2] stats", "/stats", OWN],
  ["[CACHE2] history", "/history?key=k1", OWN],
  ["a refusal", "?since=nonsense", "no-store"],
])("%s (%s) has Cache-Control: %s", async (_, more, kept) => {
  expect(cacheControl(await request(`${path}${more.replace("EPOCH", epoch)}`))).toBe(kept);
});

test("[CACHE2] what is read with a credential is kept by its reader alone", async () => {
  for (const access of ["public", "token"]) {
    const read = appWith({ ...KEYS, SUBSCRIBE_ACCESS: access });
    const response = await read(`${path}?since=${epoch}:1`, { headers: bearer("old-admin") });
    expect(response.status).toBe(200);
    expect(cacheControl(response)).toBe(OWN);
  }
});

test("Vary names what a response depends on beside its URL: its form, and the page's origin", async () => {
  const response = await request(`${path}?since=${epoch}:1`, { headers: { Origin: "https://page.example" } });
  const vary = (response.headers.get("Vary") ?? "").toLowerCase().split(/, */).toSorted();
  expect(vary).toEqual(["accept", "origin"]);
});
