// @ts-check
// Wires the page: connection -> view -> table. Messages are applied as they arrive, also in a hidden tab;
// the page is drawn once per animation frame, which a hidden tab does not have.

import { askRefusal, choiceOf, isFeedName, publishExample, socketAddress } from "./address.js";
import { Connection } from "./connection.js";
import { applyMessage, createView } from "./feed.js";
import { Rate } from "./rate.js";
import { Table } from "./table.js";

/** After so long without a frame (ms), what changed is history and not worth a flash. */
const FLASH_WITHIN = 1000;

const choice = choiceOf(location.search);
const view = createView();
const rate = new Rate(Date.now());
const table = new Table(/** @type {HTMLTableElement} */ (byId("entries")));

/** @type {import("./connection.js").ConnectionState} */
let state = { name: "connecting" };
/** Keys to draw again; "all" after a snapshot. @type {Set<string> | "all"} */
let dirty = new Set();
let frameDueSince = 0;
let frameDue = false;
/** Faults in a row, without a snapshot or update between them. */
let faults = 0;

const connection = new Connection({
  address: () => socketAddress(location, choice, view.position),
  refusal: () => askRefusal(location, choice),
  onText: receive,
  onState(next) {
    state = next;
    showState();
    draw();
  },
});

/** @param {string} text */
function receive(text) {
  const outcome = applyMessage(view, parse(text));
  if (outcome.kind === "fault") {
    // oxlint-disable-next-line no-console -- the only trace of a loss that mends itself
    console.warn(`tickertape: ${outcome.why}; connecting again`);
    // A second fault in a row puts the position itself in doubt: without one, the server sends a snapshot.
    faults += 1;
    if (faults > 1) view.position = null;
    connection.drop();
    return;
  }
  if (outcome.kind === "hello" && outcome.current) connection.live();
  if (outcome.kind !== "snapshot" && outcome.kind !== "update") return;
  faults = 0;
  if (outcome.kind === "snapshot") dirty = "all";
  else {
    rate.add(outcome.keys.length, Date.now());
    if (dirty !== "all") for (const key of outcome.keys) dirty.add(key);
  }
  connection.live();
  draw();
}

/**
 * @param {string} text
 * @returns {unknown} Undefined where it is not JSON, which is as good as an unknown message.
 */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function draw() {
  if (frameDue) return;
  frameDue = true;
  frameDueSince = performance.now();
  requestAnimationFrame(drawFrame);
}

function drawFrame() {
  frameDue = false;
  if (dirty === "all") table.rebuild(view.entries);
  else table.update(view.entries, dirty, performance.now() - frameDueSince < FLASH_WITHIN);
  dirty = new Set();

  const { position, entries } = view;
  if (position !== null) write("position", `${position.epoch}:${position.seq}`);
  write("rows", entries.size.toLocaleString("en"));
  byId("clipped").hidden = !table.clipped;
  const empty = entries.size === 0 && state.name === "live";
  byId("empty").hidden = !empty;
  byId("frame").hidden = entries.size === 0;
}

function showState() {
  document.body.dataset.state = state.name;
  byId("retry").hidden = state.name !== "refused" || !isFeedName(choice.feed);
  // The words are announced to screen readers; the countdown beside them is not.
  if (state.name === "connecting") write("state", "Connecting");
  else if (state.name === "live") write("state", "Live");
  else if (state.name === "refused") write("state", `Refused: ${state.why}`);
  else write("state", navigator.onLine ? "Reconnecting" : "Offline");
  showClock();
}

/** What changes with time alone. */
function showClock() {
  const { heardAt } = connection;
  const stale = state.name !== "live" && heardAt !== null && view.position !== null;
  byId("stale").hidden = !stale;
  if (stale) write("as-of", clockTime(new Date(heardAt)));
  write("rate", rate.at(Date.now()).toFixed(1));
  write("countdown", state.name === "reconnecting" && state.at !== null ? countdownTo(state.at) : "");
}

/** @param {number} at */
function countdownTo(at) {
  const seconds = Math.max(1, Math.ceil((at - Date.now()) / 1000));
  return navigator.onLine ? `in ${seconds} s` : `trying again in ${seconds} s`;
}

/** @param {Date} date */
function clockTime(date) {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => String(n).padStart(2, "0")).join(":");
}

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * Only where it differs, so that nothing is announced or laid out for no reason.
 * @param {string} id
 * @param {string} text
 */
function write(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

function start() {
  document.title = `${choice.feed} \u00b7 Tickertape`;
  write("feed", choice.feed);
  write("selection", choice.keys ?? "all keys");
  if (!isFeedName(choice.feed)) {
    connection.refuse(
      "that is not a feed's name. Names have 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit",
    );
    return;
  }
  write("example", publishExample(location, choice.feed));
  byId("unselected").hidden = choice.keys === null;
  byId("retry").addEventListener("click", () => {
    // Not unchanged: without the position, in case that was what the server refused.
    view.position = null;
    connection.start();
  });
  addEventListener("online", () => connection.wake());
  addEventListener("offline", showState);
  addEventListener("pageshow", (event) => event.persisted && connection.wake());
  document.addEventListener("visibilitychange", () => document.hidden || connection.wake());
  setInterval(showClock, 1000);
  connection.start();
}

start();
