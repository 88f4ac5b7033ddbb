import { Deviation, has, member, same } from "./assertions.ts";
import { bearer, toBody } from "./encoding.ts";
import { Gate } from "./gate.ts";
import { Events } from "./events.ts";
import { Socket } from "./socket.ts";
import type { View } from "./view.ts";

/** Milliseconds that a request may take, a long poll included. */
const PATIENCE = 12_000;
/** Requests in flight, of all checks together. */
const IN_FLIGHT = 40;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, where it is JSON. */
  readonly json: unknown;
}

export interface Receipt {
  readonly feed: string;
  readonly epoch: string;
  readonly seq: number;
  readonly accepted: number;
  readonly stale: number;
}

export interface Settings {
  readonly url: string;
  readonly publishKey: string | undefined;
  readonly adminKey: string | undefined;
  readonly prefix: string;
}

/** The server under test, as a client sees it. */
export class Wire {
  readonly url: string;
  readonly publishKey: string | undefined;
  readonly adminKey: string | undefined;
  /** What readers present: nothing where anyone may read. */
  readerKey: string | undefined;
  readonly #prefix: string;
  readonly #feeds: string[] = [];
  readonly #gate = new Gate(IN_FLIGHT);
  readonly #open: (Socket | Events)[] = [];
  /** Requests under way that may make a feed. */
  readonly #changing = new Set<Promise<unknown>>();
  #isOver = false;

  constructor({ url, publishKey, adminKey, prefix }: Settings) {
    this.url = url.replace(/\/+$/, "");
    this.publishKey = publishKey;
    this.adminKey = adminKey;
    this.#prefix = prefix;
  }

  /** The credential of a publisher. */
  get publisher(): string | undefined {
    return this.publishKey ?? this.adminKey;
  }

  /** A name that no feed has yet. */
  newFeed(): string {
    const feed = `${this.#prefix}${crypto.randomUUID()}`;
    this.#feeds.push(feed);
    return feed;
  }

  /** A request; `key` goes with it as a bearer's. The reader's where none is named, none where it is null. */
  call(path: string, init: RequestInit = {}, key: string | null | undefined = this.readerKey): Promise<Answer> {
    const answer = this.#gate.through(() => {
      this.#goOn();
      return this.#send(path, init, key);
    });
    if (init.method === "POST" || init.method === "DELETE") {
      this.#changing.add(answer);
      const forget = (): void => void this.#changing.delete(answer);
      answer.then(forget, forget);
    }
    return answer;
  }

  #goOn(): void {
    if (this.#isOver) throw new Error("the checks are over");
  }

  async #send(path: string, init: RequestInit, key: string | null | undefined): Promise<Answer> {
    const headers = new Headers(init.headers);
    if (key !== undefined && key !== null) headers.set("Authorization", `Bearer ${key}`);
    const signal = AbortSignal.timeout(PATIENCE);
    const response = await fetch(this.url + path, { redirect: "manual", ...init, headers, signal });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parse(text) };
  }

  /** `GET` of a feed. */
  read(feed: string, query = "", headers: Record<string, string> = {}): Promise<Answer> {
    return this.call(`/v1/feeds/${feed}${query}`, { headers });
  }

  /** The entries that everybody reads. */
  async entries(feed: string): Promise<unknown> {
    return member((await this.read(feed)).json, "entries");
  }

  post(feed: string, body: unknown, headers: Record<string, string> = {}, key = this.publisher): Promise<Answer> {
    const sent = { "Content-Type": "application/json", ...headers };
    return this.call(`/v1/feeds/${feed}`, { method: "POST", headers: sent, body: toBody(body) }, key);
  }

  /** Publishes what has to be accepted. */
  async publish(feed: string, body: unknown): Promise<Receipt> {
    const { status, json, text } = await this.post(feed, body);
    const receipt = json as Partial<Receipt> | undefined;
    const { epoch, seq, accepted, stale } = receipt ?? {};
    if (status !== 200 || epoch === undefined || seq === undefined || accepted === undefined || stale === undefined) {
      throw new Deviation("publishing", "200 with a receipt", `${status} ${text}`);
    }
    return { feed, epoch, seq, accepted, stale };
  }

  /** Opens a socket. `from` is where a client was before. */
  async connect(feed: string, query = "", protocols: readonly string[] = [], from?: View): Promise<Socket> {
    this.#goOn();
    const key = this.readerKey;
    const isEnough = key === undefined || protocols.some((one) => one.startsWith("bearer."));
    const offered = isEnough ? protocols : [...(protocols.length > 0 ? protocols : ["tickertape.v1"]), bearer(key)];
    const socket = new Socket(`${this.url.replace(/^http/, "ws")}/v1/feeds/${feed}${query}`, offered, from);
    this.#open.push(socket);
    await socket.opened();
    return socket;
  }

  async stream(feed: string, query = "", headers: Record<string, string> = {}): Promise<Events> {
    this.#goOn();
    const key = this.readerKey === undefined ? {} : { Authorization: `Bearer ${this.readerKey}` };
    const events = await Events.open(`${this.url}/v1/feeds/${feed}${query}`, { ...key, ...headers });
    this.#open.push(events);
    return events;
  }

  /**
   * Closes what is open and removes what was published, where that is allowed. Returns how many feeds are left as they are.
   * Checks that go on have no requests any more.
   */
  async cleanUp(): Promise<number> {
    this.#isOver = true;
    for (const open of this.#open) open.close();
    const ends = this.#open.map((open) => (open instanceof Socket ? open.ended() : undefined));
    await Promise.allSettled([...this.#changing, ...ends]);
    const removals = this.#feeds.map(async (feed) => {
      if (this.adminKey !== undefined) {
        const { status } = await this.#send(`/v1/feeds/${feed}?forget=true`, { method: "DELETE" }, this.adminKey);
        return status === 200 ? 0 : 1;
      }
      const { json } = await this.#send(`/v1/feeds/${feed}`, {}, this.readerKey);
      return (member(json, "seq") ?? 0) === 0 ? 0 : 1;
    });
    const left: number[] = await Promise.all(removals);
    return left.reduce((sum, one) => sum + one, 0);
  }
}

/** Holds an answer against the contract's form of errors. */
export function refused(what: string, { status, headers, json }: Answer, expected: number, code: string): void {
  same(`${what}, status`, status, expected);
  same(`${what}, Content-Type`, headers.get("Content-Type")?.split(";")[0], "application/problem+json");
  has(what, json, { status: expected, code });
  for (const name of ["type", "title", "detail"]) {
    same(`${what}, type of its ${name}`, typeof member(json, name), "string");
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
