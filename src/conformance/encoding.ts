/** Text or bytes compressed as `Content-Encoding: gzip` has it. */
export async function gzip(text: string | Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Text and bytes are sent as they are, anything else as JSON. */
export function toBody(value: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? (value as Uint8Array<ArrayBuffer>) : JSON.stringify(value);
}

/** The subprotocol that carries a credential: what a subprotocol's name cannot have goes as base64url. */
export function bearer(credential: string): string {
  if (/^(?!base64url\.)[\w!#$%&'*.^`|~-]+$/.test(credential)) return `bearer.${credential}`;
  return `bearer.base64url.${Buffer.from(credential, "latin1").toString("base64url")}`;
}

/** An update that sets a value. */
export const set = (key: string, value: object): object => ({ key, set: value });
