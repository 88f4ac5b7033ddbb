import { expect, test } from "vitest";
import { newFeed } from "../support/api.ts";
import { appWith } from "../support/app.ts";

test("[MSG5] [I7] bodies that are refused count for their caller like those that are accepted, and for no other caller", async () => {
  const app = appWith({ PUBLISH_KEY: "publish-key,publish-key-next", PUBLISH_BURST: "40", PUBLISH_RATE: "1" });
  const post = async (key: string, body: string): Promise<number> => {
    const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
    return (await app(`/v1/feeds/${newFeed()}`, { method: "POST", headers, body })).status;
  };
  const bad = `[${" ".repeat(320_000)}0]`;
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push(await post("publish-key", bad));
  expect(statuses).toEqual([422, 429, 429]);
  expect(await post("publish-key-next", '{"key":"A","set":{}}')).toBe(200);
});
