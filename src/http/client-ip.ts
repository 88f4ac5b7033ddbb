const LOOPBACK = new Set(["127.0.0.1", "::1"]);

/**
 * The client IP as limits count it: an IPv4 address, or the /48 network of an IPv6 address, because one customer has all
 * 65,536 networks in a /48. Undefined if it is this machine or not known; on Cloudflare's edge it always is known, and the
 * client cannot make it up.
 */
export function clientIpOf(request: Request): string | undefined {
  const ip = request.headers.get("CF-Connecting-IP")?.toLowerCase();
  if (ip === undefined || ip === "" || LOOPBACK.has(ip)) return undefined;
  if (!ip.includes(":")) return ip;
  const mapped = /^::ffff:([0-9.]+)$/.exec(ip)?.[1];
  if (mapped !== undefined) return LOOPBACK.has(mapped) ? undefined : mapped;
  const [head = "", tail] = ip.split("::");
  const groups = head === "" ? [] : head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === "" ? 0 : tail.split(":").length);
  const network = [...groups, ...Array.from({ length: Math.max(0, missing) }, () => "0"), ...(tail ?? "").split(":")];
  return `${network.slice(0, 3).map(withoutZeros).join(":")}::/48`;
}

/** A group can be written in several ways that mean the same. */
function withoutZeros(group: string): string {
  return group.replace(/^0+(?=.)/, "");
}
