// A chat on two feeds. `<room>` has what is said: each message is a key that its writer makes up, so that one that is sent
// twice is there once. `<room>.here` has who is here: keys that go by themselves where nobody renews them.
//
// Writing takes a token with the scope `publish:chat*` (and `subscribe:chat*` where reading is not public). It comes with
// the page's address, /examples/chat/#token=..., of which `npm start` prints one. Whoever deploys it hands out addresses
// with tokens signed by JWT_SECRET or a key of JWKS_URL, for as long as a visit may last. A token says who may write, but
// not under which name: a name is what somebody claims.
import { connect } from "../../assets/tickertape.js";

/** Seconds for which a message is kept, and for which somebody is here who does not say so again. */
const [KEPT, HERE] = [86_400, 30];
/** Milliseconds after which one says again that one is here, and what has not arrived is sent again. */
const AGAIN = 10_000;
/** Updates of the feed's log in which the order of earlier messages is looked up. */
const RECENT = 1_000;
const LATER = new Set(["overloaded", "rate_limited", "feed_full"]);
const WORDS = { connecting: "Connecting", live: "Live", offline: "Offline", closed: "Closed" };
const $ = (id) => document.getElementById(id);
const random = () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 12)}`;
const room = new URLSearchParams(location.search).get("room") ?? "chat";

/** What this tab remembers over reloads: the token, which goes out of sight, who writes, and what is not sent yet. */
const kept = (name) => sessionStorage.getItem(`chat.${name}`) ?? undefined;
const keep = (name, value) => sessionStorage.setItem(`chat.${name}`, value);
// A `+` in it is a `+`, and not the space that forms make of it.
const given = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B")).get("token");
if (given) keep("token", given);
if (given) history.replaceState(null, "", location.pathname + location.search);
keep("me", kept("me") ?? random());
keep("name", kept("name") ?? `Guest ${Math.floor(100 + 900 * Math.random())}`);
const me = kept("me");
let token = kept("token");

/** A feed that is published to over the very socket that it comes by. */
function open(feedName, options) {
  const answers = new Map();
  let socket, presented;
  let id = 1_000_000; // The client counts what it asks itself from 1.
  class PublishingSocket extends WebSocket {
    constructor(...args) {
      super(...args);
      socket = this;
      // What was asked over the one before is not answered any more.
      for (const answer of answers.values()) answer();
      answers.clear();
      this.addEventListener("message", ({ data }) => {
        const message = data === "pong" ? {} : JSON.parse(data);
        answers.get(message.id)?.(message);
        answers.delete(message.id);
      });
    }
  }
  const ask = async (query, init) => {
    const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
    return (await fetch(`/v1/feeds/${encodeURIComponent(feedName)}${query}`, { ...init, headers })).json();
  };
  /** For when there is no socket: where the network lets none through, or the page is about to go. */
  const post = (update) => ask("", { method: "POST", keepalive: true, body: JSON.stringify(update) }).catch(() => {});
  /** Resolves to a receipt, to an error with its `code`, or to nothing where it is not known what came of it. */
  const publish = async (update) => {
    const asked = new Promise((resolve) => {
      if (socket?.readyState !== WebSocket.OPEN) return resolve(post(update));
      answers.set(++id, resolve);
      setTimeout(resolve, AGAIN);
      socket.send(JSON.stringify({ type: "publish", id, updates: [update] }));
    });
    const answer = await asked;
    if (answer?.code === "forbidden") readOnly(`Your token does not allow to write in “${feedName}”. `);
    return answer;
  };
  const feed = connect(location.origin, feedName, {
    ...options,
    WebSocket: PublishingSocket,
    token: () => (presented = token),
  });
  feed.on("status", ({ state, code }) => {
    if (code % 4000 !== 401 || !presented) return;
    readOnly("Your token has expired, or is not valid here. ");
    // Without one it can still be read, where reading is public.
    if (state === "closed") feed.reconnect();
  });
  return { feed, ask, post, publish };
}

const chat = open(room, { mode: "all" });
const people = open(`${room}.here`, { hz: 2 });
/** What was written here and is not in the feed yet, by key; and which of it waits for an answer. */
const outbox = new Map(JSON.parse(kept(`outbox.${room}`) ?? "[]"));
const underWay = new Set();

function readOnly(why) {
  token = undefined;
  sessionStorage.removeItem("chat.token");
  $("form").hidden = true;
  const how = "To write, open it by an address with a token: npm start prints one, or ask whoever runs this server.";
  $("notice").textContent = `${why}This page only reads. ${how}`;
  showOutbox();
}

const cut = (value, length) => (typeof value === "string" ? value.trim().slice(0, length) : "");
const timeOf = (value) => (Number.isFinite(value?.at) && Math.abs(value.at) < 8e15 ? value.at : 0);
/** An item of a list. Anybody may have published what it shows, with anything in it. */
function itemOf(template, value, note = "") {
  const date = new Date(timeOf(value));
  const day = date.toDateString() === new Date().toDateString() ? {} : { weekday: "short" };
  const time = date.toLocaleTimeString([], { ...day, hour: "numeric", minute: "2-digit" });
  const [who, writer] = [cut(value.name, 40) || "Somebody", cut(value.by, 40)];
  const item = $(template).content.firstElementChild.cloneNode(true);
  const texts = { face: String.fromCodePoint(who.codePointAt(0)), who, time, text: cut(value.text, 1000), note };
  for (const place of item.querySelectorAll("[data-text]")) place.textContent = texts[place.dataset.text];
  item.dataset.from = `${writer} ${who}`;
  // The same writer has the same colour.
  item.dataset.tint = (writer.codePointAt(writer.length - 1) ?? 0) % 6;
  item.classList.toggle("mine", writer === me);
  return item;
}

function showOutbox() {
  const note = token ? "sending…" : "not sent";
  $("outbox").replaceChildren(...Array.from(outbox.values(), (value) => itemOf("message", value, note)));
  keep(`outbox.${room}`, JSON.stringify([...outbox]));
}

/** Sends a message, until it leaves the outbox as the feed shows it: then everybody has it. */
async function send(value, key) {
  if (!token || underWay.has(key) || chat.feed.has(key) || chat.feed.state !== "live") return;
  underWay.add(key);
  const answer = await chat.publish({ key, set: value, ttl: KEPT });
  underWay.delete(key);
  if (!answer?.code || !token || LATER.has(answer.code)) return;
  // As it is it will never do.
  outbox.delete(key);
  showOutbox();
  $("text").value ||= value.text;
  $("notice").textContent = `Not sent: ${answer.message ?? answer.detail}`;
}

/** The entries of a snapshot come in no promised order. The feed's log has the one in which they were published. */
async function inOrder(changes, { cause, position }) {
  if (cause === "update" || changes.length < 2) return changes;
  const [epoch, seq] = position.split(":");
  const query = `?mode=all&since=${epoch}:${Math.max(0, seq - RECENT)}`;
  const { updates = [] } = await chat.ask(query, { signal: AbortSignal.timeout(AGAIN) }).catch(() => ({}));
  const places = new Map(updates.map(({ key }, i) => [key, i]).toReversed());
  // Those of longer ago come before, by the time that their writers gave.
  const place = ({ key }) => places.get(key) ?? -1;
  return changes.toSorted((a, b) => place(a) - place(b) || timeOf(a.value) - timeOf(b.value));
}

function show(changes) {
  const follows = $("scroll").scrollTop > -80;
  for (const { key, value, previous } of changes) {
    outbox.delete(key);
    // It was sent again, as its receipt was lost: nothing new.
    if (value && JSON.stringify(value) === JSON.stringify(previous)) continue;
    const before = $(`message ${key}`);
    const item = value && itemOf("message", value);
    if (item) item.id = `message ${key}`;
    if (item && before) before.replaceWith(item);
    else if (item) $("messages").append(item);
    else before?.remove();
  }
  for (const item of $("messages").children)
    item.classList.toggle("more", item.previousElementSibling?.dataset.from === item.dataset.from);
  showOutbox();
  if (follows) $("scroll").scrollTop = 0;
  else $("newer").hidden = false;
}

/** One after the other, though the first may have to wait for its order. */
let turn = Promise.resolve();
chat.feed.on("change", (changes, batch) => {
  turn = turn.then(async () => show(await inOrder(changes, batch)));
});
chat.feed.on("status", ({ state, reason }) => {
  document.body.dataset.state = state;
  $("state").textContent = `${WORDS[state] ?? "Reconnecting"}${state === "closed" ? `: ${reason}` : ""}`;
  outbox.forEach(send);
  // What was said before is not read out.
  if (state === "live") turn = turn.then(() => setTimeout(() => ($("log").ariaLive = "polite"), 500));
});

/** Nobody sits before a hidden page, whose timers come too late besides. */
function beHere() {
  if (!token || document.hidden || people.feed.state !== "live") return;
  void people.publish({ key: me, set: { name: $("name").value, by: me }, ttl: HERE });
}
people.feed.on("change", () => {
  const here = Array.from(people.feed.entries(), ([, value]) => itemOf("person", value));
  // Most changes only renew what is there.
  if ($("here").textContent === here.map((item) => item.textContent).join("")) return;
  $("here").replaceChildren(...here);
  $("count").textContent = here.length;
});
people.feed.on("status", beHere);
document.addEventListener("visibilitychange", beHere);
setInterval(() => {
  beHere();
  outbox.forEach(send);
}, AGAIN);
addEventListener("pagehide", () => token && void people.post({ key: me, delete: true }));
addEventListener("beforeunload", (event) => token && outbox.size > 0 && event.preventDefault());
addEventListener("hashchange", () => location.hash.startsWith("#token=") && location.reload());

$("room").textContent = room;
$("room-feed").search = new URLSearchParams({ feed: room });
$("here-feed").search = new URLSearchParams({ feed: `${room}.here` });
$("name").value = kept("name");
$("name").addEventListener("change", () => {
  keep("name", $("name").value);
  beHere();
});
$("form").hidden = !token;
if (token) showOutbox();
else readOnly("");
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text) outbox.set(random(), { name: $("name").value, text, by: me, at: Date.now() });
  $("text").value = $("notice").textContent = "";
  $("scroll").scrollTop = 0;
  showOutbox();
  outbox.forEach(send);
});
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("form").requestSubmit();
});
$("newer").addEventListener("click", () => ($("scroll").scrollTop = 0));
$("scroll").addEventListener("scroll", () => ($("newer").hidden ||= $("scroll").scrollTop > -80));
