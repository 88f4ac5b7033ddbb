import { SignJWT } from "jose";
import { readNamePattern } from "../protocol/name-patterns.ts";
import { readVariables } from "./dev-vars.ts";
import { EXIT, Failure, UsageError, type ExitCode } from "./failure.ts";
import { readWranglerVars } from "./init/wrangler-config.ts";
import { print } from "./output.ts";

export interface TokenOptions {
  readonly scope: readonly string[];
  readonly for: string;
  readonly subject?: string | undefined;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
}

/** Bytes: the server takes no shorter secret. */
const SECRET_BYTES = 32;
const UNITS = { s: 1, m: 60, h: 3_600, d: 86_400 };
/** Seconds: the server takes no token that is valid for longer. */
const LONGEST = 366 * UNITS.d;

/** Prints a token that the server accepts which has the same `JWT_SECRET`. */
export async function token(options: TokenOptions): Promise<ExitCode> {
  await print(await makeToken(options, readSettings(process.cwd()), Date.now()));
  return EXIT.ok;
}

export interface TokenSettings {
  readonly JWT_SECRET?: string | undefined;
  readonly JWT_ISSUER?: string | undefined;
  readonly JWT_AUDIENCE?: string | undefined;
}

/** What the server of this folder checks tokens with. The environment comes first. */
function readSettings(folder: string): TokenSettings {
  const all: Partial<Record<string, string>> = {
    ...readWranglerVars(folder),
    ...readVariables(folder),
    ...process.env,
  };
  const { JWT_SECRET, JWT_ISSUER, JWT_AUDIENCE } = all;
  return { JWT_SECRET, JWT_ISSUER, JWT_AUDIENCE };
}

/** `now` in milliseconds since 1970. */
export async function makeToken(options: TokenOptions, settings: TokenSettings, now: number): Promise<string> {
  const scope = readScopes(options.scope);
  const seconds = readDuration(options.for);
  const secret = settings.JWT_SECRET?.split(",")[0]?.trim();
  if (!secret)
    throw new Failure("There is no JWT_SECRET in the environment or in .dev.vars, so no token can be signed.");
  const key = new TextEncoder().encode(secret);
  if (key.byteLength < SECRET_BYTES)
    throw new Failure(
      `JWT_SECRET has ${key.byteLength} bytes, and the server takes none of less than ${SECRET_BYTES}.`,
    );
  const issued = Math.floor(now / 1_000);
  const jwt = new SignJWT({ scope })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuedAt(issued)
    .setExpirationTime(issued + seconds);
  if (options.subject) jwt.setSubject(options.subject);
  const issuer = options.issuer ?? settings.JWT_ISSUER;
  if (issuer) jwt.setIssuer(issuer);
  const audience = options.audience ?? settings.JWT_AUDIENCE;
  if (audience) jwt.setAudience(audience);
  return jwt.sign(key);
}

/** Words that grant nothing are refused: such a token would only be noticed where it does not work. */
function readScopes(given: readonly string[]): string {
  const words = given.flatMap((text) => text.split(/[\s,]+/)).filter((word) => word !== "");
  if (words.length === 0) throw new UsageError("--scope names nothing.");
  for (const word of words) {
    if (word === "admin" || word === "metrics") continue;
    const [action, pattern = ""] = word.split(/:(.*)/s);
    const isKnown = action === "publish" || action === "subscribe";
    if (!isKnown || !readNamePattern(pattern))
      throw new UsageError(
        `${word} is no scope: there are publish:FEED, subscribe:FEED, metrics and admin, and FEED may end in *.`,
      );
  }
  return words.join(" ");
}

/** Seconds in `90s`, `15m`, `1h` or `7d`. */
export function readDuration(text: string): number {
  const [, figure, unit] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const seconds = unit === "s" || unit === "m" || unit === "h" || unit === "d" ? Number(figure) * UNITS[unit] : 0;
  if (seconds < 1) throw new UsageError(`${text} is no time: write 90s, 15m, 1h or 7d.`);
  if (seconds > LONGEST) throw new UsageError(`${text} is too long: the server takes no token for more than 366d.`);
  return Math.floor(seconds);
}
