import type { Context } from "hono";
import { deleteCookie, setSignedCookie } from "hono/cookie";
import { parseSigned } from "hono/utils/cookie";

const COOKIE = "session";
/** Milliseconds. */
const LASTS = 12 * 3_600_000;

/** Who is signed in, until when (milliseconds since 1970). */
export interface Session {
  readonly name: string;
  readonly until: number;
}

/** The session of a request, by its cookie, which only this Worker can sign. */
export async function sessionOf(request: Request, secret: string): Promise<Session | undefined> {
  const { [COOKIE]: value } = await parseSigned(request.headers.get("Cookie") ?? "", secret, COOKIE);
  const [name, until] = value ? value.split(" ") : [];
  return name && Number(until) > Date.now() ? { name, until: Number(until) } : undefined;
}

export async function begin(c: Context, name: string, secret: string): Promise<void> {
  await setSignedCookie(c, COOKIE, `${name} ${Date.now() + LASTS}`, secret, {
    path: "/",
    maxAge: LASTS / 1000,
    httpOnly: true,
    sameSite: "Lax",
    secure: new URL(c.req.url).protocol === "https:",
  });
}

export function end(c: Context): void {
  deleteCookie(c, COOKIE, { path: "/" });
}
