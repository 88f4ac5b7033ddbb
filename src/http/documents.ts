import { asyncApi } from "../specs/asyncapi.ts";
import type { JsonSchema } from "../specs/schemas.ts";
import { openApi } from "../specs/openapi.ts";
import type { AppContext } from "./context.ts";
import { emptyResponse, jsonResponse, knownTags } from "./responses.ts";

interface Encoded {
  readonly base: string;
  readonly text: string;
  readonly tag: string;
}

/** `GET /openapi.json` */
export const openApiDocument = serve(openApi);
/** `GET /asyncapi.json` */
export const asyncApiDocument = serve(asyncApi);

/** The document is encoded when it is first asked for, and kept until it is asked for under another path. */
function serve(build: (base: string) => JsonSchema): (c: AppContext) => Promise<Response> {
  let document: Encoded | undefined;
  return async ({ req: { raw: request, url } }) => {
    const base = baseOf(url);
    if (document?.base !== base) document = await encode(base, build(base));
    const known = knownTags(request);
    const headers = { ETag: `"${document.tag}"`, "Cache-Control": "public, max-age=300" };
    if (known.includes("*") || known.includes(document.tag)) return emptyResponse(304, headers);
    return jsonResponse(document.text, headers);
  };
}

/** The path that the app is mounted under: all before the document's name. */
function baseOf(url: string): string {
  const { pathname } = new URL(url);
  return pathname.slice(0, pathname.lastIndexOf("/"));
}

async function encode(base: string, document: JsonSchema): Promise<Encoded> {
  const text = JSON.stringify(document);
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return { base, text, tag: btoa(String.fromCharCode(...new Uint8Array(hash, 0, 12))) };
}
