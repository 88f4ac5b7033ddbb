/** The file of the elements, below where the server is mounted. */
const FILE = /\/assets\/tickertape\.elements\.js$/;

/**
 * The server's address. A page may give one, also relative to itself; else it is the server that the script comes from, or
 * the page's own, if the script was bundled with it. Throws a `TypeError` if it is no URL.
 */
export function serverAddress(src: string | null, page: string, script = ""): string {
  const file = new URL(script, page);
  return new URL(src || (FILE.test(file.pathname) ? new URL("..", file) : "/"), page).href;
}
