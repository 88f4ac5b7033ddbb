/** What `If-None-Match` names: tags without their quotes, or `*` for whatever there is. */
export function knownTags(request: Request): string[] {
  const header = request.headers.get("If-None-Match");
  if (header === null) return [];
  if (header.trim() === "*") return ["*"];
  return Array.from(header.matchAll(/(?:W\/)?"([^"]*)"/g), ([, tag = ""]) => tag);
}
