import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jwtVerify } from "jose";
import { afterEach, beforeEach, expect, test } from "vitest";
import { signChatToken } from "../../src/demo/chat.mjs";
import { makeSecrets, readSecret } from "../../src/demo/secrets.mjs";

let folder: string;
const read = (): Promise<string> => readFile(join(folder, ".dev.vars"), "utf8");
const write = (text: string): Promise<void> => writeFile(join(folder, ".dev.vars"), text, { mode: 0o600 });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tickertape-secrets-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("a folder without secrets gets fresh ones, which only their owner can read", async () => {
  expect(makeSecrets(folder)).toBe("made");
  expect((await stat(join(folder, ".dev.vars"))).mode & 0o777).toBe(0o600);
  const [key, secret] = [readSecret("PUBLISH_KEY", folder), readSecret("JWT_SECRET", folder)];
  expect(key).toMatch(/^[\w-]{32}$/);
  expect(secret).toMatch(/^[\w-]{32}$/);
  expect(secret).not.toBe(key);
  const text = await read();
  expect(text).not.toContain("<fresh>");
  expect(makeSecrets(folder)).toBe("kept");
  expect(await read()).toBe(text);
});

test.each(['PUBLISH_KEY="mine"\n# the last line', "# JWT_SECRET=none\r\nPUBLISH_KEY = mine,next # both\r\n", ""])(
  "secrets without one for tokens get it, and stay as they are otherwise: %j",
  async (before) => {
    await write(before);
    expect(makeSecrets(folder)).toBe("added");
    const text = await read();
    expect(text.startsWith(before)).toBe(true);
    expect(readSecret("JWT_SECRET", folder)).toMatch(/^[\w-]{32}$/);
    expect(readSecret("PUBLISH_KEY", folder)).toBe(before === "" ? undefined : "mine");
    expect((await stat(join(folder, ".dev.vars"))).mode & 0o777).toBe(0o600);
    expect(makeSecrets(folder)).toBe("kept");
    expect(await read()).toBe(text);
  },
);

test.each([
  ['JWT_SECRET="of my own, and the one before"', "of my own"],
  ["export JWT_SECRET='mine'", "mine"],
  ["JWT_SECRET=first\nJWT_SECRET=second", "second"],
  ['JWT_SECRET=""', undefined],
])("an existing or emptied secret stays as it is: %s", async (text, secret) => {
  await write(text);
  expect(makeSecrets(folder)).toBe("kept");
  expect(await read()).toBe(text);
  expect(readSecret("JWT_SECRET", folder)).toBe(secret);
});

test("the chat's token is one that others can check, and expires", async () => {
  const token = await signChatToken("a secret of this test alone");
  const key = new TextEncoder().encode("a secret of this test alone");
  const { payload, protectedHeader } = await jwtVerify(token, key, { algorithms: ["HS256"] });
  expect(protectedHeader.alg).toBe("HS256");
  expect(payload).toMatchObject({ sub: "npm start", scope: "publish:chat*" });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(12 * 3600);
  await expect(jwtVerify(token, new TextEncoder().encode("another secret"))).rejects.toThrow();
});
