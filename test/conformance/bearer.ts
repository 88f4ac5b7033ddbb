/** The subprotocol that carries a credential: what a subprotocol's name cannot have goes as base64url. */
export function bearer(credential: string): string {
  if (/^(?!base64url\.)[\w!#$%&'*.^`|~-]+$/.test(credential)) return `bearer.${credential}`;
  const encoded = btoa(credential).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `bearer.base64url.${encoded}`;
}
