/** On every answer of the API: what it says is data, whatever a browser takes it for, and nobody's page. */
export const API_HEADERS = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
} as const;

/**
 * How most answers may be kept: by nobody but their reader, and shown again only after asking. A copy may be behind what
 * its reader has seen since.
 */
export const ASKED_FIRST = "private, no-cache";

/** An answer in JSON, given as text, as a stream of it or as what is to be written. */
export function jsonAnswer(body: string | object, headers: Readonly<Record<string, string>>): Response {
  const isWritten = typeof body === "string" || body instanceof ReadableStream;
  return new Response(isWritten ? body : JSON.stringify(body), {
    headers: { ...API_HEADERS, "Content-Type": "application/json", ...headers },
  });
}
