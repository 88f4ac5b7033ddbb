// The Worker of the tests of declared feeds.
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import { Hono } from "hono";
import * as v from "valibot";
import * as z from "zod";
import { feed, tickertape, type FeedBindings, type StandardSchema } from "../../src/worker/index.ts";

/** What the tests change while the Worker runs, as another deployment would. */
export const changing = {
  /** The highest price that `tightened` takes. */
  most: Infinity,
  schema: undefined as "fails" | "waits" | undefined,
};

const ofChanging: StandardSchema<{ price: number }> = {
  "~standard": {
    version: 1,
    vendor: "tests",
    validate(value) {
      if (changing.schema === "fails") throw new Error("a mistake in the schema");
      if (changing.schema === "waits") return Promise.resolve({});
      const { price } = value as { price?: number };
      return (price ?? 0) <= changing.most ? {} : { issues: [{ message: "is too dear", path: ["price"] }] };
    },
  },
};

export const feeds = {
  stocks: feed({
    value: toStandardJsonSchema(
      v.object({ last: v.number(), bid: v.optional(v.object({ levels: v.array(v.number()) })) }),
    ),
    silentAfter: 30,
  }),
  bonds: feed({ value: z.object({ last: z.number(), note: z.string().optional() }) }),
  scores: feed({ value: type({ home: "number", away: "number" }) }),
  tightened: feed({ value: ofChanging }),
  secrets: feed({ subscribe: "token", value: z.object({ combination: z.string() }) }),
  "team-*": feed<{ note: string }>({ subscribe: "token", ttl: 3_600, maxKeys: 2 }),
  "team-open": feed({ subscribe: "public" }),
  derived: feed<{ sum: number }>({ publish: "code" }),
  slow: feed({ publishRate: 0.01, publishBurst: 2.5 }),
  ruled: feed(),
};

/** Bindings with names of their own. */
interface Env {
  readonly LIVE: FeedBindings;
}

export const { app, FeedObject, DirectoryObject, ReplicaObject, publish, read } = tickertape({
  feeds,
  bindings: (env: Env | FeedBindings) => ("LIVE" in env ? env.LIVE : env),
  authenticate(request) {
    const session = /(?:^|; )session=([^;]+)/.exec(request.headers.get("Cookie") ?? "")?.[1];
    if (session === undefined) return undefined;
    if (session === "mistaken") return { subject: "anna", subscribe: ["Not a name"] };
    return {
      subject: session,
      subscribe: ["team-1", "ruled"],
      publish: ["team-1", "ruled", "derived"],
      until: session === "always" ? Infinity : Date.now() + (session === "past" ? -1 : 60_000),
    };
  },
  onPublish(update, { feed, key, subject }) {
    if (feed !== "ruled") return undefined;
    if (key === "broken") throw new Error("a mistake in the rules");
    if ("delete" in update) return "nothing is deleted here";
    return key.startsWith("anna.") && subject !== "anna" ? "the key is anna's" : undefined;
  },
});

export default new Hono<{ Bindings: FeedBindings }>().route("/live", app).route("/", app);
