// @ts-check
// Which feed this page shows, and where it is.

const FEED_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
/** Statuses that coming back would not change. */
const REFUSING = new Set([400, 401, 403, 404]);

/** @typedef {{ feed: string, keys: string | null }} Choice */

/**
 * @param {string} search The page's own query.
 * @returns {Choice}
 */
export function choiceOf(search) {
  const query = new URLSearchParams(search);
  return { feed: query.get("feed") || "stocks", keys: query.get("keys") || null };
}

/**
 * The name ends up in a command that people paste into a shell, so nothing else may pass.
 * @param {string} feed
 */
export function isFeedName(feed) {
  return FEED_NAME.test(feed);
}

/**
 * @param {URL | Location} page
 * @param {Choice} choice
 * @param {import("./feed.js").Position | null} position
 * @returns {string}
 */
export function socketAddress(page, choice, position) {
  const url = new URL(feedAddress(page, choice));
  url.protocol = page.protocol === "https:" ? "wss:" : "ws:";
  if (position !== null) url.searchParams.set("since", `${position.epoch}:${position.seq}`);
  return url.href;
}

/**
 * @param {URL | Location} page
 * @param {Choice} choice
 * @returns {string}
 */
function feedAddress(page, choice) {
  const url = new URL(`/v1/feeds/${choice.feed}`, page.origin);
  if (choice.keys !== null) url.searchParams.set("keys", choice.keys);
  return url.href;
}

/**
 * Asks over plain HTTP why an upgrade failed. Only a refusal is of interest, so a body of any other answer is not read.
 * @param {URL | Location} page
 * @param {Choice} choice
 * @returns {Promise<string | null>} Null where the server would not refuse, or can't be reached.
 */
export async function askRefusal(page, choice) {
  try {
    const response = await fetch(feedAddress(page, choice), {
      headers: { accept: "application/json" },
      cache: "no-store",
      signal: AbortSignal.timeout(10_000),
    });
    if (!REFUSING.has(response.status)) {
      await response.body?.cancel();
      return null;
    }
    const problem = await response.json().catch(() => null);
    return `${problem?.detail ?? problem?.title ?? "the server said no"} (${response.status})`;
  } catch {
    return null;
  }
}

/**
 * @param {URL | Location} page
 * @param {string} feed
 * @returns {string} A command for a shell.
 */
export function publishExample(page, feed) {
  return [
    `curl -X POST ${page.origin}/v1/feeds/${feed}`,
    // Double quotes: in single ones the shell would send the variable's name.
    `-H "Authorization: Bearer $PUBLISH_KEY"`,
    `-H 'Content-Type: application/json'`,
    `-d '{"key":"AAPL","set":{"price":191.2}}'`,
  ].join(" \\\n  ");
}
