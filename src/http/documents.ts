import { asyncApi } from "../specs/asyncapi.ts";
import type { JsonSchema } from "../specs/schemas.ts";
import { openApi } from "../specs/openapi.ts";
import type { ValueSchemas } from "../specs/value-schemas.ts";
import type { AppContext } from "./context.ts";
import { emptyResponse, jsonResponse, knownTags } from "./responses.ts";

/** `GET /openapi.json` */
export const openApiDocument = serve(openApi);
/** `GET /asyncapi.json` */
export const asyncApiDocument = serve(asyncApi);

/** The document is encoded when it is first asked for, and kept until it is asked for under another path. */
function serve(build: (base: string, values?: ValueSchemas) => JsonSchema): (c: AppContext) => Promise<Response> {
  let document: { base: string; values: ValueSchemas | undefined; text: string; tag: string } | undefined;
  return async ({ req: { raw: request, url }, var: { deployment } }) => {
    const values = deployment.valueSchemas;
    const { pathname } = new URL(url);
    // The path that the app is mounted under: all before the document's name.
    const base = pathname.slice(0, pathname.lastIndexOf("/"));
    if (document?.base !== base || document.values !== values) {
      const text = JSON.stringify(build(base, values));
      const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
      document = { base, values, text, tag: btoa(String.fromCharCode(...new Uint8Array(hash, 0, 12))) };
    }
    const known = knownTags(request);
    const headers = { ETag: `"${document.tag}"`, "Cache-Control": "public, max-age=300" };
    if (known.includes("*") || known.includes(document.tag)) return emptyResponse(304, headers);
    return jsonResponse(document.text, headers);
  };
}
