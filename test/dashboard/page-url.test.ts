import { describe, expect, it } from "vitest";
import { choiceProblem, readChoice, readHz, readKeys, writeChoice } from "../../src/dashboard/model/page-url.ts";

describe("the page's URL", () => {
  it("says which feed, keys, rate and detail are shown", () => {
    expect(readChoice("?feed=fx&keys=EUR,tech.*&hz=4&show=EUR")).toEqual({
      feed: "fx",
      keys: ["EUR", "tech.*"],
      hz: 4,
      show: "EUR",
    });
    expect(readChoice("")).toEqual({ feed: "stocks", keys: [], hz: undefined, show: undefined });
  });

  it("can be shared: reading it gives the same choice again", () => {
    for (const choice of [
      { feed: "fx", keys: ["EUR", "tech.*"], hz: 0.5, show: "A&B=C#?" },
      { feed: "stocks", keys: [], hz: undefined, show: undefined },
      { feed: "x", keys: ["ключ", "a b"], hz: 60, show: "<img>" },
    ]) {
      expect(readChoice(writeChoice(choice))).toEqual(choice);
    }
    expect(writeChoice({ feed: "fx", keys: ["A", "t.*"], hz: undefined, show: undefined })).toBe("?feed=fx&keys=A,t.*");
  });

  it("takes no rate that the server would refuse, and no empty or repeated key", () => {
    expect(["", " ", "0", "0.05", "61", "x", "0.1", "60"].map(readHz)).toEqual([
      ...Array.from({ length: 6 }, () => undefined),
      0.1,
      60,
    ]);
    expect(readKeys(" A, ,B,A,")).toEqual(["A", "B"]);
  });

  it.each(["x';rm -rf ~;'", "../stats", "A", "-a", "a".repeat(65)])("does not accept %j as a feed's name", (feed) => {
    expect(choiceProblem({ feed, keys: [], hz: undefined, show: undefined })).toContain("not a feed's name");
  });
});
