import { expect, test } from "vitest";
import type { DirectoryObject } from "../../../src/index.ts";
import { Listing } from "../../../src/durable/directory/listing.ts";

test("[I8] a feed is listed again when it is made again, even if the answer to its removal was lost", async () => {
  const names = new Set<string>();
  const directory = {
    add: (feed: string) => {
      names.add(feed);
      return Promise.resolve("listed");
    },
    remove: (feed: string) => {
      names.delete(feed);
      return Promise.reject(new Error("the answer was lost"));
    },
  };
  const listing = new Listing(directory as unknown as DurableObjectStub<DirectoryObject>, 10);
  expect(await listing.add("a", "maker")).toBe("listed");
  await expect(listing.remove("a")).rejects.toThrow("lost");
  expect(await listing.add("a", "maker")).toBe("listed");
  expect([...names]).toEqual(["a"]);
});
