const LOOPBACK = new Set(["127.0.0.1", "::1"]);

/**
 * Where a request comes from, as limits count it: an IPv4 address, or the /48 network that an IPv6 address is in, as one
 * customer has all of it, with 65,536 networks in it. Nothing where it is this machine or not known: on Cloudflare's edge
 * it always is, and cannot be made up by the client.
 */
export function addressOf(request: Request): string | undefined {
  const address = request.headers.get("CF-Connecting-IP")?.toLowerCase();
  if (address === undefined || address === "" || LOOPBACK.has(address)) return undefined;
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:([0-9.]+)$/.exec(address)?.[1];
  if (mapped !== undefined) return LOOPBACK.has(mapped) ? undefined : mapped;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === "" ? 0 : tail.split(":").length);
  const network = [...groups, ...Array.from({ length: Math.max(0, missing) }, () => "0"), ...(tail ?? "").split(":")];
  return `${network.slice(0, 3).map(withoutZeros).join(":")}::/48`;
}

/** A group has several spellings, which are one address. */
function withoutZeros(group: string): string {
  return group.replace(/^0+(?=.)/, "");
}
