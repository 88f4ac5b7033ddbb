import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { PROBLEMS, type ProblemCode } from "../../src/protocol/codes.ts";
import { publish, snapshot } from "../support/api.ts";
import { problem } from "../support/http.ts";
import { TestSubscriber } from "../support/subscriber.ts";

const BUILT_IN = Object.getOwnPropertyNames(Object.prototype).toSorted().join();

/** No input has put anything on what all objects inherit from. The Worker and its tests share one isolate. */
export function nothingPolluted(): void {
  expect(Object.getOwnPropertyNames(Object.prototype).toSorted().join()).toBe(BUILT_IN);
  expect("polluted" in {}).toBe(false);
}

/** JSON as text with its members in order: the same for the same data, `__proto__` members included. */
function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()}}`;
}

/** Holds an answer to hostile input against the contract: served, or refused in its words. Returns the code. */
export async function inOrder(response: Response, secrets: readonly string[] = []): Promise<ProblemCode | "served"> {
  const text = response.webSocket ? "" : await response.clone().text();
  const said = `${text}\n${[...response.headers].join("\n")}`;
  for (const secret of secrets) expect(said).not.toContain(secret);
  if (response.status < 400) return "served";
  const code = text === "" ? codeOf(response.status) : JSON.parse(text).code;
  expect(Object.keys(PROBLEMS), text).toContain(code);
  expect(response.status, text).toBeLessThan(500);
  if (text !== "") await problem(response, code);
  return code;
}

/** `HEAD` has no body to read the code from. */
function codeOf(status: number): ProblemCode | undefined {
  return (Object.keys(PROBLEMS) as ProblemCode[]).find((code) => PROBLEMS[code].status === status);
}

/** A feed under attack, and a subscriber that watches it all the time. */
export class Watched {
  readonly feed: string;
  readonly #watcher: TestSubscriber;
  /** Where it was when it was last looked at. */
  #state = "";

  private constructor(feed: string, watcher: TestSubscriber) {
    this.feed = feed;
    this.#watcher = watcher;
  }

  static async open(): Promise<Watched> {
    const feed = `t-${crypto.randomUUID()}`;
    await publish(feed, { key: "A", set: { p: 1 } });
    const watched = new Watched(feed, await TestSubscriber.connect(feed));
    await watched.hasChanged();
    return watched;
  }

  /** To be said after what was taken. */
  async hasChanged(): Promise<void> {
    this.#state = await this.#read();
  }

  /** Whatever was refused may not show. What moves no position is found by `stands`. */
  async isUnchanged(): Promise<void> {
    expect(await this.#read()).toBe(this.#state);
  }

  async #read(): Promise<string> {
    const { epoch, seq, keys, time } = await env.FEEDS.getByName(this.feed).stats();
    return JSON.stringify({ epoch, seq, keys, time });
  }

  /** A good publish and a read work, the watcher has what a reader has, and saw nothing that is no message. */
  async stands(): Promise<void> {
    const { seq } = await publish(this.feed, { key: "GOOD", patch: { p: 1 } });
    const { entries } = await snapshot(this.feed);
    await this.#watcher.reaches(seq);
    expect(canonical(this.#watcher.state())).toBe(canonical(entries));
    for (const value of Object.values(entries)) expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    for (const { type } of this.#watcher.messages) expect(["hello", "snapshot", "update"]).toContain(type);
    expect(this.#watcher.closed).toBeUndefined();
    nothingPolluted();
  }

  close(): void {
    this.#watcher.close();
  }
}

/** Runs the attack on a feed, which has to stand it. */
export async function withstood(attack: (watched: Watched) => Promise<void>): Promise<void> {
  const watched = await Watched.open();
  await attack(watched);
  await watched.stands();
  watched.close();
}
