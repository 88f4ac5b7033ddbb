import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { token } from "../support/tokens.ts";
import { ADMIN_KEY, BINDINGS, PUBLISH_KEY } from "./support/api.ts";
import { until } from "./support/until.ts";
import { Workerd } from "./support/workerd.ts";

let workerd: Workerd;

beforeAll(async () => {
  workerd = await Workerd.start({ bindings: { ...BINDINGS, SUBSCRIBE_ACCESS: "token" } });
});
afterAll(async () => {
  await workerd.dispose();
});

function sign(scope: string, seconds = 3_600): Promise<string> {
  return token(scope, { expires: Date.now() + 1_000 * seconds });
}

type Outcome = "publishes" | "listens" | 4401 | 4403;
const AFTER_AUTH: [who: string, credential: () => string | Promise<string>, outcome: Outcome][] = [
  ["an administrator's key", () => ADMIN_KEY, "publishes"],
  ["an administrator's token", () => sign("admin"), "publishes"],
  ["a token to do both", () => sign("subscribe:own publish:*"), "publishes"],
  ["a token to subscribe", () => sign("subscribe:own"), "listens"],
  ["a token to subscribe here and publish elsewhere", () => sign("subscribe:* publish:other"), "listens"],
  ["a publish key", () => PUBLISH_KEY, 4403],
  ["a token to publish", () => sign("publish:own"), 4403],
  ["a token of another feed", () => sign("subscribe:other publish:other"), 4403],
  ["a token without a scope", () => sign(""), 4403],
  ["an expired token", () => sign("admin", -1), 4401],
  ["a wrong key", () => "guess", 4401],
  ["no key", () => "", 4401],
];

describe("where reading needs a token, a socket that was opened with one", () => {
  test.each(AFTER_AUTH)("is, after auth by %s, what that allows", async (_, credential, outcome) => {
    const address = `${workerd.url.replace("http", "ws")}/v1/feeds/own`;
    const socket = new WebSocket(address, ["tickertape.v1", `bearer.${await sign("subscribe:own publish:own")}`]);
    const messages: { type: string; id?: number; code?: string }[] = [];
    let closed: number | undefined;
    socket.on("message", (data: Buffer) => void messages.push(JSON.parse(data.toString())));
    socket.on("close", (code) => void (closed = code));
    await until(() => messages.some(({ type }) => type === "snapshot"), "the snapshot");
    socket.send(JSON.stringify({ type: "auth", id: 1, token: await credential() }));
    socket.send(JSON.stringify({ type: "publish", id: 2, updates: [{ key: "A", set: { p: 1 } }] }));
    await until(() => closed !== undefined || messages.some(({ id }) => id === 2), "an answer");
    const answers = messages.filter(({ id }) => id !== undefined).map(({ type, code }) => code ?? type);
    if (outcome === "publishes") expect(answers).toEqual(["authorized", "receipt"]);
    else if (outcome === "listens") expect(answers).toEqual(["authorized", "forbidden"]);
    else expect([closed, ...answers]).toEqual([outcome]);
    expect(socket.protocol).toBe("tickertape.v1");
    socket.terminate();
  });
});
