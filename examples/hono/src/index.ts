// An app with its own routes and its own sign-in, and with Tickertape under /live: who is signed in sees their own orders,
// and everybody sees the last one.
import { feed, tickertape, type FeedBindings } from "@tickertape/feed/worker";
import { Hono } from "hono";
import { csrf } from "hono/csrf";
import { page } from "./page";
import { begin, end, sessionOf } from "./session";

interface Env extends FeedBindings {
  readonly SESSION_SECRET: string;
}

export const feeds = {
  kitchen: feed<{ item: string }>({ publish: "code" }),
  "orders.*": feed<{ item: string }>({ subscribe: "token", publish: "code", ttl: 86_400 }),
};

const live = tickertape({
  feeds,
  async authenticate(request: Request, env: Env) {
    const session = await sessionOf(request, env.SESSION_SECRET);
    return session && { subject: session.name, subscribe: [`orders.${session.name}`], until: session.until };
  },
});
export const { FeedObject, DirectoryObject, ReplicaObject } = live;

const app = new Hono<{ Bindings: Env }>();

app.route("/live", live.app);

// A page of another origin cannot order in the name of who is signed in here.
app.use(csrf());

app.get("/", async (c) => c.html(page(await sessionOf(c.req.raw, c.env.SESSION_SECRET))));

app.post("/sign-in", async (c) => {
  const { name } = await c.req.parseBody();
  if (typeof name !== "string" || !/^[a-z]{1,20}$/.test(name)) return c.text("A name has 1 to 20 of a-z.", 422);
  // A real app asks for more than a name here.
  await begin(c, name, c.env.SESSION_SECRET);
  return c.redirect("/", 303);
});

app.post("/sign-out", (c) => {
  end(c);
  return c.redirect("/", 303);
});

app.post("/orders", async (c) => {
  const session = await sessionOf(c.req.raw, c.env.SESSION_SECRET);
  const { item } = await c.req.parseBody();
  if (!session) return c.text("Sign in first.", 401);
  if (typeof item !== "string" || item === "" || item.length > 40) return c.text("What would you like?", 422);
  await live.publish(c.env, `orders.${session.name}`, { key: crypto.randomUUID(), set: { item } });
  await live.publish(c.env, "kitchen", { key: "last", set: { item } });
  return c.redirect("/", 303);
});

export default app;
