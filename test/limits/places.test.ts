import { describe, expect, test } from "vitest";
import { Places, type CountedCaller } from "../../src/limits/places.ts";
import { anonymous } from "../support/callers.ts";

const token = (credential: string, clientIp?: string): CountedCaller => ({ clientIp, kind: "token", credential });
const key = (credential = "publish key", clientIp?: string): CountedCaller => ({ clientIp, kind: "key", credential });

/** How many find a place until one is refused, and why that one is. */
function fill(places: Places, caller: (i: number) => CountedCaller): [taken: number, why: string | undefined] {
  for (let i = 0; i < 1_000; i++) {
    const refusal = places.refusal(caller(i));
    if (refusal) return [i, refusal];
    places.take(caller(i));
  }
  return [1_000, undefined];
}

describe("[PLACE1] [I7] places", () => {
  test("are left to those with a credential, however many come without one", () => {
    const places = new Places(160, 10_000);
    expect(fill(places, (i) => anonymous(`a${i}`))).toEqual([120, "overloaded"]);
    expect(fill(places, (i) => token(`t${i}`))).toEqual([30, "overloaded"]);
    expect(fill(places, () => key())).toEqual([10, "overloaded"]);
  });

  test("are not all taken by one token, wherever it is used", () => {
    const places = new Places(160, 10_000);
    expect(fill(places, (i) => token("one", `a${i}`))).toEqual([80, "rate_limited"]);
    expect(places.refusal(token("another"))).toBeUndefined();
    expect(fill(places, () => key())[0]).toBe(80);
  });

  test("[PLACE2] are limited for one client IP, and are free again when one leaves", () => {
    const places = new Places(160, 3);
    expect(fill(places, () => anonymous("here"))).toEqual([3, "rate_limited"]);
    expect(places.refusal(key("k", "here"))).toBe("rate_limited");
    places.leave(anonymous("here"));
    expect(fill(places, () => token("t", "here"))).toEqual([1, "rate_limited"]);
  });

  test("are open to every kind of caller even if there are few", () => {
    expect(fill(new Places(1, 10), () => anonymous())[0]).toBe(1);
    expect(fill(new Places(1, 10), () => token("t"))[0]).toBe(1);
    expect(fill(new Places(1, 10), () => key())[0]).toBe(1);
  });
});
