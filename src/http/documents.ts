import type { MiddlewareHandler } from "hono";
import { API_HEADERS, jsonAnswer } from "./answer.ts";
import { knownTags } from "./conditional.ts";
import type { FeedVariables } from "./options.ts";
import { crossOrigin } from "./origins.ts";
import { asyncApi } from "../specs/asyncapi.ts";
import type { JsonSchema } from "../specs/schemas.ts";
import { openApi } from "../specs/openapi.ts";

const BUILDERS = { openApi, asyncApi };

interface Built {
  readonly base: string;
  readonly text: string;
  readonly tag: string;
}

/** Made when first asked for, and kept until it is asked for under another path: one of each, however many there may be. */
const built = new Map<keyof typeof BUILDERS, Built>();

/** `GET /openapi.json`, `GET /asyncapi.json`, for pages of the origins that may read feeds. */
export function describeWire<B extends object>(
  name: keyof typeof BUILDERS,
  allowedOrigins: (env: B) => string,
): MiddlewareHandler<{ Bindings: B; Variables: FeedVariables }>[] {
  return [crossOrigin(allowedOrigins), (c) => answer(name, baseOf(c.req.url), knownTags(c.req.raw))];
}

/** The path that the app is mounted under: what stands before a document's name. */
function baseOf(url: string): string {
  const { pathname } = new URL(url);
  return pathname.slice(0, pathname.lastIndexOf("/"));
}

async function answer(name: keyof typeof BUILDERS, base: string, known: readonly string[]): Promise<Response> {
  let document = built.get(name);
  if (document?.base !== base) {
    document = await write(base, BUILDERS[name](base));
    built.set(name, document);
  }
  const headers = { ETag: `"${document.tag}"`, "Cache-Control": "public, max-age=300" };
  if (!known.includes("*") && !known.includes(document.tag)) return jsonAnswer(document.text, headers);
  return new Response(null, { status: 304, headers: { ...API_HEADERS, ...headers } });
}

async function write(base: string, document: JsonSchema): Promise<Built> {
  const text = JSON.stringify(document);
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return { base, text, tag: btoa(String.fromCharCode(...new Uint8Array(hash, 0, 12))) };
}
