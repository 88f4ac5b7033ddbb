// A chat on two feeds. The feed `<room>` has the messages. Their writer chooses the key of each message, so a message that
// is sent twice is there once. The feed `<room>.here` has the people who are here. Their keys expire unless they are renewed.
//
// Writing needs a token with the scope `publish:chat*` (and `subscribe:chat*` if reading is not public). It comes with the
// page's URL, /examples/chat/#token=...; `npm start` prints one. On a deployed server, give people URLs with tokens that are
// signed by JWT_SECRET or a key of JWKS_URL, and that expire when a visit is over. A token says who may write, but not under
// which name: anyone can claim any name.
import { connect } from "../../assets/tickertape.js";

/** Seconds until a message expires, and until a person who does not renew the entry counts as gone. */
const [KEPT, HERE] = [86_400, 30];
/** Milliseconds between two renewals of a person's entry, and between two attempts to send a message. */
const AGAIN = 10_000;
/** Updates of the feed's log that are read to find the order of earlier messages. */
const RECENT = 1_000;
const LATER = new Set(["overloaded", "rate_limited", "feed_full"]);
const WORDS = { connecting: "Connecting", live: "Live", offline: "Offline", closed: "Closed" };
const $ = (id) => document.getElementById(id);
const random = () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 12)}`;
const room = new URLSearchParams(location.search).get("room") ?? "chat";

/** What this tab keeps over reloads: the token, which leaves the URL, the writer, and messages that are not sent yet. */
const kept = (name) => sessionStorage.getItem(`chat.${name}`) ?? undefined;
const keep = (name, value) => sessionStorage.setItem(`chat.${name}`, value);
// In a form's encoding a `+` means a space. In a token it is a `+`.
const given = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B")).get("token");
if (given) keep("token", given);
if (given) history.replaceState(null, "", location.pathname + location.search);
keep("me", kept("me") ?? random());
keep("name", kept("name") ?? `Guest ${Math.floor(100 + 900 * Math.random())}`);
const me = kept("me");
let token = kept("token");

/** Where the server is mounted. */
const server = new URL("../..", location.href).href.replace(/\/$/, "");

/** Opens a feed, and publishes to it over the same socket that receives it. */
function open(feedName, options) {
  const answers = new Map();
  let socket, presented;
  let id = 1_000_000; // The client's own messages count from 1.
  class PublishingSocket extends WebSocket {
    constructor(...args) {
      super(...args);
      socket = this;
      // Messages that were sent over the previous socket get no answer any more.
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
    return (await fetch(`${server}/v1/feeds/${encodeURIComponent(feedName)}${query}`, { ...init, headers })).json();
  };
  /** Used when there is no socket: if the network allows none, or if the page is about to be closed. */
  const post = (update) => ask("", { method: "POST", keepalive: true, body: JSON.stringify(update) }).catch(() => {});
  /** Resolves to a receipt, to an error with its `code`, or to undefined if the outcome is not known. */
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
  const feed = connect(server, feedName, {
    ...options,
    WebSocket: PublishingSocket,
    token: () => (presented = token),
  });
  feed.on("status", ({ state, code }) => {
    if (code % 4000 !== 401 || !presented) return;
    readOnly("Your token has expired, or is not valid here. ");
    // Without a token the feed can still be read if reading is public.
    if (state === "closed") feed.reconnect();
  });
  return { feed, ask, post, publish };
}

const chat = open(room, { mode: "all" });
const people = open(`${room}.here`, { hz: 2 });
/** Messages by key that were written here and are not in the feed yet, and the keys of those that wait for an answer. */
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
/** An item of a list. Anyone may have published its value, so nothing in it can be trusted. */
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

/** Sends a message. It leaves the outbox when it comes back in the feed: then everybody has it. */
async function send(value, key) {
  if (!token || underWay.has(key) || chat.feed.has(key) || chat.feed.state !== "live") return;
  underWay.add(key);
  const answer = await chat.publish({ key, set: value, ttl: KEPT });
  underWay.delete(key);
  if (!answer?.code || !token || LATER.has(answer.code)) return;
  // The server will never accept it as it is.
  outbox.delete(key);
  showOutbox();
  $("text").value ||= value.text;
  $("notice").textContent = `Not sent: ${answer.message ?? answer.detail}`;
}

/** The entries of a snapshot have no promised order. The feed's log has the order in which they were published. */
async function inOrder(changes, { cause, position }) {
  if (cause === "update" || changes.length < 2) return changes;
  const [epoch, seq] = position.split(":");
  const query = `?mode=all&since=${epoch}:${Math.max(0, seq - RECENT)}`;
  const { updates = [] } = await chat.ask(query, { signal: AbortSignal.timeout(AGAIN) }).catch(() => ({}));
  const places = new Map(updates.map(({ key }, i) => [key, i]).toReversed());
  // Older messages come first, in the order of the times that their writers gave.
  const place = ({ key }) => places.get(key) ?? -1;
  return changes.toSorted((a, b) => place(a) - place(b) || timeOf(a.value) - timeOf(b.value));
}

function show(changes) {
  const follows = $("scroll").scrollTop > -80;
  for (const { key, value, previous } of changes) {
    outbox.delete(key);
    // It was sent twice because its receipt was lost: nothing has changed.
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

/** Changes are shown one after the other, even if the first of them has to wait for its order. */
let turn = Promise.resolve();
chat.feed.on("change", (changes, batch) => {
  turn = turn.then(async () => show(await inOrder(changes, batch)));
});
chat.feed.on("status", ({ state, reason }) => {
  document.body.dataset.state = state;
  $("state").textContent = `${WORDS[state] ?? "Reconnecting"}${state === "closed" ? `: ${reason}` : ""}`;
  outbox.forEach(send);
  // Screen readers do not read out earlier messages.
  if (state === "live") turn = turn.then(() => setTimeout(() => ($("log").ariaLive = "polite"), 500));
});

/** Renews this person's entry. Not while the page is hidden: nobody looks at it, and its timers are late. */
function beHere() {
  if (!token || document.hidden || people.feed.state !== "live") return;
  void people.publish({ key: me, set: { name: $("name").value, by: me }, ttl: HERE });
}
people.feed.on("change", () => {
  const here = Array.from(people.feed.entries(), ([, value]) => itemOf("person", value));
  // Most changes only renew entries.
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
