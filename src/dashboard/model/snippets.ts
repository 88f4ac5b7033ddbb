import type { JsonObject } from "../../protocol/json.ts";
import type { Choice } from "./page-url.ts";

export interface Snippet {
  readonly id: "curl-publish" | "curl-read" | "curl-follow" | "websocket" | "sdk";
  readonly title: string;
  readonly text: string;
}

const EXAMPLE: JsonObject = { price: 191.2 };

/**
 * Code for this very feed, to be pasted. `base` is the server's origin; `key` and `patch` are an update that would fit the feed.
 * A feed's name needs no quoting; keys and values are data of whoever published them, and are quoted for where they go.
 */
export function snippetsFor(base: string, choice: Choice, key = "AAPL", patch: JsonObject = EXAMPLE): Snippet[] {
  const url = `${base}/v1/feeds/${choice.feed}`;
  const query = queryOf(choice);
  const socketUrl = `${url.replace(/^http/, "ws")}${query}`;
  const update = codeQuote({ key, patch });
  return [
    {
      id: "curl-publish",
      title: "Publish with curl",
      text: [
        `curl ${url}`,
        // Double quotes: in single ones the shell would send the variable's name.
        `-H "Authorization: Bearer $PUBLISH_KEY"`,
        `-H 'Content-Type: application/json'`,
        `-d ${shellQuote(update)}`,
      ].join(" \\\n  "),
    },
    {
      id: "curl-read",
      title: "Read with curl",
      text: `curl ${shellQuote(url + query)}`,
    },
    {
      id: "curl-follow",
      title: "Follow with curl",
      text: `curl -N -H 'Accept: text/event-stream' ${shellQuote(url + query)}`,
    },
    {
      id: "websocket",
      title: "Browser, no library",
      text: [
        `const socket = new WebSocket(${codeQuote(socketUrl)});`,
        "socket.onmessage = ({ data }) => console.log(JSON.parse(data));",
      ].join("\n"),
    },
    { id: "sdk", title: "SDK", text: sdkText(base, choice) },
  ];
}

function sdkText(base: string, { feed, keys, hz }: Choice): string {
  const members = [
    ...(keys.length > 0 ? [`keys: ${codeQuote(keys)}`] : []),
    ...(hz === undefined ? [] : [`hz: ${hz}`]),
  ];
  const options = members.length > 0 ? `, { ${members.join(", ")} }` : "";
  return [
    `import { connect } from "tickertape/client";`,
    `// or, without npm: ${base}/assets/tickertape.js`,
    "",
    `const feed = connect(${codeQuote(base)}, ${codeQuote(feed)}${options});`,
    `feed.on("change", (changes) => {`,
    "  for (const { key, value } of changes) console.log(key, value);",
    "});",
    `feed.on("status", ({ state, reason }) => console.log(state, reason));`,
  ].join("\n");
}

function queryOf({ keys, hz }: Choice): string {
  const query = new URLSearchParams();
  if (keys.length > 0) query.set("keys", keys.join(","));
  if (hz !== undefined) query.set("hz", String(hz));
  const text = query.toString().replaceAll("%2C", ",").replaceAll("%2A", "*");
  return text === "" ? "" : `?${text}`;
}

/**
 * For JSON, and for JavaScript in a file or within a page: nothing in it ends a script, and what cannot be seen, or turns
 * the direction of what can, is written out.
 */
function codeQuote(value: string | readonly string[] | JsonObject): string {
  return JSON.stringify(value).replaceAll(
    /[<>\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** For a POSIX shell: inside single quotes nothing is special but the quote itself. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
