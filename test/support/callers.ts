import type { CountedCaller } from "../../src/limits/places.ts";

/** A caller without a credential, as limits count it. */
export function anonymous(clientIp?: string): CountedCaller {
  return { clientIp, kind: "anonymous", credential: undefined };
}
