import { describe, expect, test } from "vitest";
import { nearestRegion, REGIONS } from "../../src/placement/regions.ts";

describe("the nearest region", () => {
  test.each([
    ["San Francisco", "37.8", "-122.4", "NA", "wnam"],
    ["Denver", "39.7", "-105", "NA", "wnam"],
    ["New York", "40.7", "-74", "NA", "enam"],
    ["Miami", "25.8", "-80.2", "NA", "enam"],
    ["São Paulo", "-23.6", "-46.6", "SA", "sam"],
    ["London", "51.5", "-0.1", "EU", "weur"],
    ["Warsaw", "52.2", "21", "EU", "eeur"],
    ["Istanbul", "41", "28.9", "AS", "eeur"],
    ["Dubai", "25.2", "55.3", "AS", "me"],
    ["Singapore", "1.35", "103.8", "AS", "apac"],
    ["Tokyo", "35.7", "139.7", "AS", "apac"],
    ["Sydney", "-33.9", "151.2", "OC", "oc"],
    ["Johannesburg", "-26.2", "28", "AF", "afr"],
  ])("of %s", (_, latitude, longitude, continent, region) => {
    expect(nearestRegion(REGIONS, { latitude, longitude, continent })).toBe(region);
  });

  test("of those that there are", () => {
    const tokyo = { latitude: "35.7", longitude: "139.7" };
    expect(nearestRegion(["weur", "wnam"], tokyo)).toBe("wnam");
    expect(nearestRegion([], tokyo)).toBe(undefined);
  });

  test("by the continent where nothing more is known, else the first", () => {
    expect(nearestRegion(REGIONS, { continent: "EU" })).toBe("weur");
    expect(nearestRegion(["sam", "weur"], { continent: "T1" })).toBe("sam");
    expect(nearestRegion(["sam", "weur"], undefined)).toBe("sam");
    expect(nearestRegion(["sam", "weur"], { continent: "EU", latitude: "", longitude: "x" })).toBe("weur");
  });
});
