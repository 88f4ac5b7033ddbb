import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { shellQuote, snippetsFor } from "../../src/dashboard/model/snippets.ts";

const choice = { feed: "fx", keys: ["EUR", "tech.*"], hz: 4, show: undefined };

function text(id: string, key?: string): string {
  const snippets = snippetsFor("https://feed.test", choice, key, { price: 1.08, halted: false });
  return snippets.find((snippet) => snippet.id === id)?.text ?? "";
}

it("is code for this feed and selection", () => {
  expect(text("curl-publish", "EUR")).toContain(`'{"key":"EUR","patch":{"price":1.08,"halted":false}}'`);
  expect(text("curl-publish")).toContain("https://feed.test/v1/feeds/fx");
  expect(text("curl-read")).toBe("curl 'https://feed.test/v1/feeds/fx?keys=EUR,tech.*&hz=4'");
  expect(text("curl-follow")).toMatch(/^curl -N -H 'Accept: text\/event-stream' 'https:\/\/feed.test\/v1\/feeds\/fx\?/);
  expect(text("websocket")).toContain('new WebSocket("wss://feed.test/v1/feeds/fx?keys=EUR,tech.*&hz=4")');
  expect(text("sdk")).toContain('connect("https://feed.test", "fx", { keys: ["EUR","tech.*"], hz: 4 })');
});

it("runs no part of a key when it is pasted into a shell", () => {
  for (const hostile of [`'; echo taken; '`, "$(echo taken)", "`echo taken`", `"\\`]) {
    const said = execFileSync("sh", ["-c", `printf %s ${shellQuote(hostile)}`], { encoding: "utf8" });
    expect(said).toBe(hostile);
    // The whole command, with a function in place of curl that only prints its arguments.
    const command = text("curl-publish", hostile).replace(/^curl/, "printf '%s\\n'");
    const shown = execFileSync("sh", ["-c", command], { encoding: "utf8", env: { PUBLISH_KEY: "k" } });
    expect(shown.split("\n").at(-2)).toBe(JSON.stringify({ key: hostile, patch: { price: 1.08, halted: false } }));
  }
});

it("cannot end a script that it is pasted into, and hides nothing", () => {
  const hostile = '</script><script>alert(1)</script><!--\u2028\u202e"';
  const hidden = /[<>\u2028\u202e]/;
  const snippets = snippetsFor("https://feed.test", { ...choice, keys: [hostile] }, hostile, { [hostile]: hostile });
  for (const { id, text } of snippets) expect(text.replaceAll("=>", ""), id).not.toMatch(hidden);
  const sdk = snippets.find(({ id }) => id === "sdk")?.text ?? "";
  expect(JSON.parse(/keys: (\[.*?\]), hz/.exec(sdk)?.[1] ?? "null")).toEqual([hostile]);
  const curl = snippets.find(({ id }) => id === "curl-publish")?.text ?? "";
  const sent = execFileSync("sh", ["-c", curl.replace(/^curl/, "printf '%s\\n'")], { encoding: "utf8" });
  expect(JSON.parse(sent.split("\n").at(-2) ?? "")).toEqual({ key: hostile, patch: { [hostile]: hostile } });
});
