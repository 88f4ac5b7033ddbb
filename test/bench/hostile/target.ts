/** A feed on a server that attacks are aimed at. Handed to other processes as it is. */
export interface HostileTarget {
  readonly port: number;
  readonly feed: string;
}

/** Publishes honestly, and is what must not be delayed. */
export const HONEST_KEY = "honest-publish-key";
/** Another publisher, who does its worst. */
export const HOSTILE_KEY = "hostile-publish-key";
export const ADMIN_KEY = "siege-admin-key";
export const JWT_SECRET = "a secret of the sieges of more than 32 bytes";

export const SIEGE_BINDINGS = {
  PUBLISH_KEY: `${HONEST_KEY},${HOSTILE_KEY}`,
  ADMIN_KEY,
  JWT_SECRET,
  SUBSCRIBE_ACCESS: "public",
  ALLOWED_ORIGINS: "",
};

/** Where a request says that it comes from: else nothing would be counted by address. */
export function cameFrom(address: string): Readonly<Record<string, string>> {
  return { "CF-Connecting-IP": address };
}

export const HONEST_ADDRESS = "198.51.100.7";
export const HOSTILE_ADDRESS = "203.0.113.66";

export function pathOf({ feed }: HostileTarget): string {
  return `/v1/feeds/${feed}`;
}
