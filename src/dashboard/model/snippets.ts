import type { JsonObject } from "../../protocol/json.ts";
import { writeSelection, type Choice } from "./page-url.ts";

export interface Snippet {
  readonly id: "curl-publish" | "curl-read" | "curl-follow" | "websocket" | "sdk";
  readonly title: string;
  readonly text: string;
}

/** A patch to show if the feed has no entry to take one from. */
export const EXAMPLE_PATCH: JsonObject = { price: 191.2 };

/**
 * Code for this feed, to copy and paste. `base` is where the server is mounted. `key` and `patch` are an update that fits the feed.
 * A feed's name needs no quotes. Keys and values are data from publishers, so they are quoted for the place they go to.
 */
export function snippetsFor(base: string, choice: Choice, key = "AAPL", patch = EXAMPLE_PATCH): Snippet[] {
  const url = `${base}/v1/feeds/${choice.feed}`;
  const query = writeSelection(choice);
  const socketUrl = `${url.replace(/^http/, "ws")}${query}`;
  const update = codeQuote({ key, patch });
  return [
    {
      id: "curl-publish",
      title: "Publish with curl",
      // In single quotes the shell would send the name of the variable.
      text: `curl ${url} \\
  -H "Authorization: Bearer $PUBLISH_KEY" \\
  -H 'Content-Type: application/json' \\
  -d ${shellQuote(update)}`,
    },
    { id: "curl-read", title: "Read with curl", text: `curl ${shellQuote(url + query)}` },
    {
      id: "curl-follow",
      title: "Follow with curl",
      text: `curl -N -H 'Accept: text/event-stream' ${shellQuote(url + query)}`,
    },
    {
      id: "websocket",
      title: "Browser, no library",
      text: `const socket = new WebSocket(${codeQuote(socketUrl)});
socket.onmessage = ({ data }) => console.log(JSON.parse(data));`,
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
  return `import { connect } from "@tickertape/feed/client";
// or, without npm: ${base}/assets/tickertape.js

const feed = connect(${codeQuote(base)}, ${codeQuote(feed)}${options});
feed.on("change", (changes) => {
  for (const { key, value } of changes) console.log(key, value);
});
feed.on("status", ({ state, reason }) => console.log(state, reason));`;
}

/**
 * Quotes for JSON, and for JavaScript in a file or in a page: the text cannot end a script. Invisible characters, and those
 * that change the direction of text, are written as escapes.
 */
function codeQuote(value: string | readonly string[] | JsonObject): string {
  return JSON.stringify(value).replaceAll(
    /[<>\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Quotes for a POSIX shell. Inside single quotes only the quote itself is special. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
