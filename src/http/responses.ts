/** On every response of the API: it is data, whatever a browser takes it for, and no page may frame it. */
export const API_HEADERS = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
} as const;

/** Most responses are cached by the reader only, who asks again before each use: it may have seen something newer. */
export const REVALIDATE = "private, no-cache";

/** A response in JSON. `body` is the text, a stream of the text, or a value to encode. */
export function jsonResponse(body: string | object, headers: Readonly<Record<string, string>>): Response {
  const isText = typeof body === "string" || body instanceof ReadableStream;
  return new Response(isText ? body : JSON.stringify(body), {
    headers: { ...API_HEADERS, "Content-Type": "application/json", ...headers },
  });
}

/** A response without a body: 204, or 304 for what the client has already. */
export function emptyResponse(status: 204 | 304, headers: Readonly<Record<string, string>>): Response {
  return new Response(null, { status, headers: { ...API_HEADERS, ...headers } });
}

/** The tags of `If-None-Match`, without their quotes, or `*`, which matches whatever there is. */
export function knownTags(request: Request): string[] {
  const header = request.headers.get("If-None-Match");
  if (header === null) return [];
  if (header.trim() === "*") return ["*"];
  return Array.from(header.matchAll(/(?:W\/)?"([^"]*)"/g), ([, tag = ""]) => tag);
}
