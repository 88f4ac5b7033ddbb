import { messageOf } from "../reading.ts";
import { normalise } from "../selection.ts";
import type { Link, LinkRequest } from "../transport.ts";
import type { FeedOptions } from "../types.ts";
import { createView, type Asked } from "../view.ts";
import { resumes } from "./transitions.ts";
import { probe } from "./probe.ts";
import type { Command, Event } from "./state.ts";
import type { Connection, Owner, Surroundings } from "./surroundings.ts";
import { ACK_EVERY, LOOK_FIRST, LOOK_LAST, MAX_TIMER, SLEPT, STALE_AFTER } from "./timings.ts";
import { begin, isLinked, nextDue, transition } from "./machine.ts";
import { tryOut } from "./preferred-transport.ts";

/** Does as the machine says: one link at a time, one timer, one question for a token; and one look for a better way. */
export function openConnection(
  feed: URL,
  options: FeedOptions,
  { platform, transports }: Surroundings,
  owner: Owner,
): Connection {
  const { token: source, staleAfter = STALE_AFTER } = options;
  const { now } = platform;
  const asks = typeof source === "function";
  const view = createView(options.format);
  const counters = { messages: 0, updates: 0, skipped: 0, connections: 0 };
  let phase = begin(normalise(options), asks ? undefined : source, now());
  let link: Link | undefined;
  let timerAt = Infinity;
  let cancelTimer: (() => void) | undefined;
  /** Ends the look at whether the first transport works again; none where it is in use. */
  let stopLooking: (() => void) | undefined;
  let lookAfter = LOOK_FIRST;
  let pingedAt = 0;
  let latency: number | undefined;
  let unacknowledged = 0;
  /** The last `subscribe`: one is out at a time. */
  let asked: Asked = { id: 0 };
  /** The answer to the last one counts, and to none before. */
  let questions = 0;
  const unwatch = platform.watch((type) => dispatch({ type }));

  function dispatch(event: Event): void {
    const { status } = phase;
    const [next, ...commands] = transition(phase, event, {
      ...platform.look(),
      now: now(),
      asks,
      staleAfter,
    });
    phase = next;
    if (!isLinked(phase)) {
      link?.close();
      link = undefined;
    }
    for (const command of commands) {
      if (typeof command === "string") perform[command]();
      else owner.selected(new Error(command.refused));
    }
    setTimer();
    setLook();
    if (phase.name === "closed") unwatch();
    if (phase.status !== status) owner.status(phase.status);
    owner.flush();
  }

  const requestFrom = (since: string | undefined): LinkRequest => ({
    feed,
    selection: phase.wanted,
    since,
    token: phase.token,
  });
  const say = (message: object): void => link?.send(JSON.stringify(message));

  const perform: { readonly [Name in Extract<Command, string>]: () => void } = {
    async askToken() {
      const question = ++questions;
      let event: Event;
      try {
        event = { type: "token", token: asks ? await source() : source };
      } catch (error) {
        event = { type: "tokenFailed", why: `no token: ${messageOf(error)}` };
      }
      if (question === questions) dispatch(event);
    },
    open() {
      // One that hangs is left for it.
      link?.close();
      link = undefined;
      unacknowledged = 0;
      const since = resumes(phase) ? view.position() : undefined;
      view.begin(since !== undefined);
      try {
        link = transports[phase.way % transports.length]?.open(requestFrom(since), { message, closed });
      } catch (error) {
        // Later, as any other failure comes: this is in the middle of a transition.
        queueMicrotask(() => closed(1006, messageOf(error)));
      }
    },
    ping() {
      pingedAt = now();
      link?.send("ping");
    },
    async probe() {
      const { token } = phase;
      const refusal = await probe(platform, feed, phase);
      // What another credential was refused for says nothing of this one.
      if (refusal && token === phase.token) dispatch(refusal);
    },
    subscribe() {
      asked = { ...phase.wanted, id: asked.id + 1 };
      say({ type: "subscribe", ...asked });
    },
    authorize: () => say({ type: "auth", token: phase.token }),
    selected: owner.selected,
  };

  function closed(code: number, reason: string, retryAfter?: number): void {
    dispatch({ type: "lost", code, reason, retryAfter });
  }

  function message(frame: string | Uint8Array): void {
    if (phase.name === "opening") counters.connections++;
    unacknowledged += frame.length;
    dispatch({ type: "heard" });
    if (frame === "pong") {
      latency = now() - pingedAt;
      return;
    }
    const event = view.read(frame, asked);
    if (!event) return;
    if (event.type === "applied") {
      const { changes, batch } = event;
      if (changes.length > 0) counters.messages++;
      if (batch.cause === "update") counters.updates += changes.length;
      counters.skipped += batch.skipped;
      owner.changed(changes, batch, phase.wanted.mode !== "all");
      // Only of whole messages: a part of a snapshot has no position of its own yet.
      if (unacknowledged >= ACK_EVERY) {
        unacknowledged = 0;
        say({ type: "ack", seq: view.seq() });
      }
    }
    dispatch(event);
  }

  function setTimer(): void {
    const at = nextDue(phase);
    if (at === timerAt) return;
    cancelTimer?.();
    timerAt = at;
    if (at < Infinity) cancelTimer = platform.setTimer(Math.min(at - now(), MAX_TIMER), wake);
  }

  /** While another transport is in use, the first is tried out beside it: what is live stays so. */
  function setLook(): void {
    if (phase.way % transports.length > 0 && nextDue(phase) < Infinity) {
      stopLooking ??= platform.setTimer(lookAfter, look);
      return;
    }
    stopLooking?.();
    stopLooking = undefined;
    // It works: the next time that it does not is another matter.
    if (phase.name === "live") lookAfter = LOOK_FIRST;
  }

  function look(): void {
    stopLooking = tryOut(platform, transports[0], requestFrom(view.position()), (works) => {
      stopLooking = undefined;
      lookAfter = Math.min(2 * lookAfter, LOOK_LAST);
      if (works && phase.name === "live") closed(1001, "a better way is open");
      else setLook();
    });
  }

  function wake(): void {
    const hasSlept = now() - timerAt > SLEPT;
    timerAt = Infinity;
    if (hasSlept) dispatch({ type: "woke" });
    dispatch({ type: "due" });
  }

  return {
    view,
    counters,
    dispatch,
    status: () => phase.status,
    latency: () => latency,
  };
}
