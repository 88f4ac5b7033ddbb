import { jwtVerify } from "jose";
import { expect, test } from "vitest";
import { makeToken } from "../../src/cli/token.ts";

const JWT_SECRET = "a shared secret of the tests alone";
const NOW = Date.parse("2026-11-22T12:00:00Z");

test("a token has the scopes, times and names that were asked for, and is signed with the first secret", async () => {
  const options = { scope: ["subscribe:stocks", "publish:team-* metrics"], for: "15m", subject: "ann" };
  const settings = { JWT_SECRET: `${JWT_SECRET}, an older secret that goes on being accepted`, JWT_ISSUER: "me" };
  const token = await makeToken(options, settings, NOW);
  const { payload, protectedHeader } = await jwtVerify(token, new TextEncoder().encode(JWT_SECRET), {
    currentDate: new Date(NOW),
  });
  expect(protectedHeader).toEqual({ alg: "HS256", typ: "JWT" });
  const iat = NOW / 1_000;
  expect(payload).toEqual({
    scope: "subscribe:stocks publish:team-* metrics",
    sub: "ann",
    iss: "me",
    iat,
    exp: iat + 900,
  });
});

test.each([
  [undefined, "There is no JWT_SECRET"],
  ["too short", "JWT_SECRET has 9 bytes"],
])("with the secret %j no token is made", async (secret, sentence) => {
  const made = makeToken({ scope: ["admin"], for: "1h" }, { JWT_SECRET: secret }, NOW);
  await expect(made).rejects.toThrow(sentence);
});
