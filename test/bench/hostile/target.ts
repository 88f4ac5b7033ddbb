import type { PublishEndpoint } from "../load/publish-connection.ts";

/** The feed and the server to attack. Plain data, so that it can be sent to other processes. */
export interface HostileTarget {
  readonly port: number;
  readonly feed: string;
}

/** The credential of the honest publisher, which must not be delayed. */
export const HONEST_KEY = "honest-publish-key";
/** The credential of another publisher, which attacks. */
export const HOSTILE_KEY = "hostile-publish-key";
export const ADMIN_KEY = "attack-admin-key";
export const JWT_SECRET = "a secret of the attacks of more than 32 bytes";

export const ATTACK_BINDINGS = {
  PUBLISH_KEY: `${HONEST_KEY},${HOSTILE_KEY}`,
  ADMIN_KEY,
  JWT_SECRET,
  SUBSCRIBE_ACCESS: "public",
  ALLOWED_ORIGINS: "",
};

/** The header with the client IP. Without it, nothing would be counted by client IP. */
export function cameFrom(address: string): Readonly<Record<string, string>> {
  return { "CF-Connecting-IP": address };
}

export const HONEST_ADDRESS = "198.51.100.7";
export const HOSTILE_ADDRESS = "203.0.113.66";

export function pathOf({ feed }: HostileTarget): string {
  return `/v1/feeds/${feed}`;
}

/** Where the honest publisher publishes. */
export function honestEndpoint(target: HostileTarget): PublishEndpoint {
  const headers = { Authorization: `Bearer ${HONEST_KEY}`, ...cameFrom(HONEST_ADDRESS) };
  return { port: target.port, path: pathOf(target), headers };
}
