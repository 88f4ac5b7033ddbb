import { describe, expect, test } from "vitest";
import { clientIpOf } from "../../src/http/client-ip.ts";

function counted(ip: string | undefined): string | undefined {
  return clientIpOf(
    new Request("https://feeds.test/", { headers: ip === undefined ? {} : { "CF-Connecting-IP": ip } }),
  );
}

describe("the client IP of a request", () => {
  test.each([undefined, "", "127.0.0.1", "::1", "::ffff:127.0.0.1"])("is not counted for %j", (ip) => {
    expect(counted(ip)).toBeUndefined();
  });

  test.each([
    ["203.0.113.7", "203.0.113.7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"],
    ["2001:DB8:1:FFFF:ffff:ffff:ffff:ffff", "2001:db8:1::/48"],
    ["2001:0db8:0001:0000:3:4:5:6", "2001:db8:1::/48"],
    ["2001:db8:1:2::", "2001:db8:1::/48"],
    ["2001:db8::7", "2001:db8:0::/48"],
    ["2001:db8::2:3:4:5:6", "2001:db8:0::/48"],
    ["::2:3:4:5:6:7", "0:0:2::/48"],
    ["2001::", "2001:0:0::/48"],
  ])("[I7] %s counts as %s", (ip, network) => {
    expect(counted(ip)).toBe(network);
  });
});
