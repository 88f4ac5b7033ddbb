import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { PROBLEMS, type ProblemCode } from "../../src/protocol/codes.ts";
import { request, type ProblemBody } from "./api.ts";

/** Reads an error answer, and holds it against everything that the contract says of errors. */
export async function problem(response: Response, code: ProblemCode): Promise<ProblemBody> {
  const text = await response.text();
  expect(response.headers.get("Content-Type"), text).toBe("application/problem+json");
  const body: ProblemBody = JSON.parse(text);
  const { status, title } = PROBLEMS[code];
  expect(body).toMatchObject({ code, status, title });
  expect(response.status).toBe(status);
  expect(body.type).toMatch(/^[a-z]+:\S+$/);
  expect(body.detail).toMatch(/\S/);
  // No stack, no file, no internal name.
  expect(text).not.toMatch(/\bat \w+ \(|\.ts:|\.js:|Durable|TypeError|undefined|\[object/);
  return body;
}

/** Bytes compressed as `Content-Encoding: gzip` has it. */
export async function gzip(data: BodyInit): Promise<Uint8Array> {
  const stream = new Response(data).body!.pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Everything of a feed that anyone can see, and how much of it stands in storage. */
export async function feedState(feed: string): Promise<unknown> {
  const paths = [`/v1/feeds/${feed}`, `/v1/feeds/${feed}/stats`, `/v1/feeds/${feed}/history?key=A`];
  // When the object came into memory is not the feed's state.
  return Promise.all(
    paths.map(async (path) => Object.assign(await (await request(path)).json<object>(), { started: 0 })),
  );
}

/** Whether the feed has an object, which the first call to it makes. */
export async function hasObject(feed: string): Promise<boolean> {
  const id = env.FEEDS.idFromName(feed);
  return (await listDurableObjectIds(env.FEEDS)).some((other) => other.equals(id));
}

/** The tables in the storage of a feed's object. */
export function storedTables(feed: string): Promise<string[]> {
  return runInDurableObject(env.FEEDS.getByName(feed), (_, { storage }) =>
    storage.sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'")
      .toArray()
      .map(({ name }) => name),
  );
}

/** The names of all listed feeds. */
export async function listedFeeds(): Promise<string[]> {
  const { feeds } = await (await request("/v1/feeds")).json<{ feeds: { feed: string }[] }>();
  return feeds.map(({ feed }) => feed);
}
