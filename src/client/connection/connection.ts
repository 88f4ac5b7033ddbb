import { initialPhase, isLinked, nextDue, transition } from "./machine.ts";
import { createAge } from "../age.ts";
import { createView, type SentSubscribe } from "../view.ts";
import { readInitial } from "../initial.ts";
import { FeedPublishError, messageOf } from "../errors.ts";
import { backoff } from "../../connecting/retry-policy.ts";
import { createTransportTrials } from "./preferred-transport.ts";
import { ACK_EVERY, MAX_TIMER, SLEPT, STALE_AFTER } from "./timings.ts";
import { resumes } from "./transitions.ts";
import { normaliseSelection, type AnySelection } from "../selection.ts";
import { probe } from "./probe.ts";
import type { Questions } from "../questions.ts";
import type { Runtime } from "../runtime.ts";
import type { Source, SourceListener } from "../source.ts";
import type { Link, LinkRequest, Transport } from "../transport.ts";
import type { FeedOptions } from "../types.ts";
import type { Command, ConnectionEvent } from "./state.ts";

/** What a connection runs on. */
export interface Environment {
  readonly runtime: Runtime;
  /** The first is preferred. */
  readonly transports: readonly [Transport, ...Transport[]];
}

/** A source that has a connection to the server for itself. */
export interface Connection extends Source {
  readonly selections: {
    /** What the entries are of; undefined before the first ones. */
    readonly reached: AnySelection | undefined;
    /** What the server was asked for, if its answer has not come. */
    readonly asked: AnySelection | undefined;
    readonly wanted: AnySelection;
  };
}

/**
 * A feed's connection to the server, over as many links as it takes. Carries out what the state machine says: at most one
 * link, one timer, one request for a token, and one trial of the preferred transport. It begins at once.
 */
export function openConnection(
  feed: URL,
  options: FeedOptions<string>,
  { runtime, transports }: Environment,
  listener: SourceListener,
): Connection {
  const { token: source, staleAfter = STALE_AFTER } = options;
  const { now } = runtime;
  const asks = typeof source === "function";
  const selection = normaliseSelection(options);
  const initial = options.initial && readInitial(options.initial, selection);
  const view = createView(options.format, initial);
  const age = createAge(initial?.time, options.silentAfter);
  let connections = 0;
  let phase = initialPhase(selection, asks ? undefined : source, now());
  // As after a connection that was lost just now.
  if (initial) phase = { ...phase, reached: selection, staleAt: now() + staleAfter };
  let link: Link | undefined;
  let timerAt = Infinity;
  let cancelTimer: (() => void) | undefined;
  let pingedAt = 0;
  /** Of the last ping, in milliseconds. */
  let latency: number | undefined;
  let unacknowledged = 0;
  /** One `subscribe` is out at a time. */
  let sent: SentSubscribe = { id: 0 };
  /** Only the answer to the last request for a token counts. */
  let tokenRequests = 0;
  let questions: Questions | undefined;
  const unwatch = runtime.watch((type) => dispatch({ type }));
  const setTrials = createTransportTrials(
    runtime,
    transports[0],
    () => requestFrom(view.position()),
    (works) => (works && phase.name === "live" ? onClosed(1001, "a WebSocket works again") : updateTrials()),
  );

  function dispatch(event: ConnectionEvent): void {
    const { status } = phase;
    const [next, ...commands] = transition(phase, event, {
      ...runtime.conditions(),
      now: now(),
      asks,
      staleAfter,
      silentSince: age.silentSince(now()),
    });
    phase = next;
    if (!isLinked(phase)) {
      link?.close();
      link = undefined;
      questions?.end();
    }
    for (const command of commands) {
      if (typeof command === "string") perform[command]();
      else listener.selected(new Error(command.refused));
    }
    setTimer();
    updateTrials();
    if (phase.name === "closed") unwatch();
    if (phase.status !== status) listener.status(phase.status);
    listener.done();
  }

  const requestFrom = (since: string | undefined): LinkRequest => ({
    feed,
    selection: phase.wanted,
    since,
    token: phase.token,
  });
  const send = (message: object): void => link?.send(JSON.stringify(message));

  const perform: { readonly [Name in Extract<Command, string>]: () => void } = {
    async askToken() {
      const request = ++tokenRequests;
      let event: ConnectionEvent;
      try {
        event = { type: "token", token: asks ? await source() : source };
      } catch (error) {
        event = { type: "tokenFailed", why: `no token: ${messageOf(error)}` };
      }
      if (request === tokenRequests) dispatch(event);
    },
    open() {
      // It replaces a link that hangs.
      link?.close();
      link = undefined;
      unacknowledged = 0;
      questions?.end();
      const since = resumes(phase) ? view.position() : undefined;
      view.begin(since !== undefined);
      try {
        const transport = transports[phase.transport % transports.length];
        link = transport?.open(requestFrom(since), { message: onFrame, closed: onClosed });
      } catch (error) {
        // Later, as any other failure comes: this is in the middle of a transition.
        queueMicrotask(() => onClosed(1006, messageOf(error)));
      }
    },
    ping() {
      pingedAt = now();
      link?.send("ping");
    },
    async probe() {
      const { token } = phase;
      const answer = await probe(runtime, feed, phase);
      // Why another credential was refused says nothing about this one.
      if (answer && token === phase.token) dispatch(answer);
    },
    subscribe() {
      sent = { ...phase.wanted, id: sent.id + 1 };
      send({ type: "subscribe", ...sent });
    },
    authorize: () => send({ type: "auth", token: phase.token }),
    selected: listener.selected,
  };

  function onClosed(code: number, reason: string, retryAfter?: number): void {
    dispatch({ type: "lost", code, reason, retryAfter });
  }

  function onFrame(frame: string | Uint8Array): void {
    if (phase.name === "opening") connections++;
    unacknowledged += frame.length;
    dispatch({ type: "heard" });
    if (frame === "pong") {
      latency = now() - pingedAt;
      return;
    }
    const event = view.read(frame, sent);
    if (!event) return;
    if (event.type === "hello") {
      age.declare(event.silentAfter);
      age.heard(event.time, false, now());
      return;
    }
    if (event.type === "answered") {
      questions?.answer(event.answer);
      return;
    }
    if (event.type === "applied") {
      const { changes, batch } = event;
      const isNews = batch.cause === "update" ? changes.length > 0 : batch.reason === "reset";
      age.heard(batch.time, isNews && phase.name === "live", now());
      listener.changed(changes, batch, phase.wanted.mode !== "all");
      // Only of whole messages: a part of a snapshot has no position of its own yet.
      if (unacknowledged >= ACK_EVERY) {
        unacknowledged = 0;
        send({ type: "ack", seq: view.seq() });
      }
    }
    dispatch(event);
  }

  function setTimer(): void {
    const { silentSince } = phase.status;
    const at = Math.min(nextDue(phase), phase.name === "live" && silentSince === undefined ? age.silentAt : Infinity);
    // One that fires early looks again: each message would have to move it.
    if (at === timerAt || (at > timerAt && at < Infinity)) return;
    cancelTimer?.();
    timerAt = at;
    if (at < Infinity) cancelTimer = runtime.setTimer(Math.min(at - now(), MAX_TIMER), onTimer);
  }

  function onTimer(): void {
    const hasSlept = now() - timerAt > SLEPT;
    timerAt = Infinity;
    if (hasSlept) dispatch({ type: "woke" });
    dispatch({ type: "due" });
  }

  /** While another transport is in use, the preferred one is tried beside it, so that what is live stays live. */
  function updateTrials(): void {
    setTrials(phase.transport % transports.length > 0 && nextDue(phase) < Infinity, phase.name === "live");
  }

  dispatch({ type: "reconnect" });
  return {
    entries: view.entries,
    get position() {
      return view.position();
    },
    get changedAt() {
      return age.time;
    },
    get exists() {
      return view.seq() > 0 || (age.time === undefined ? undefined : age.time > 0);
    },
    get status() {
      return phase.status;
    },
    get latency() {
      return latency;
    },
    get connections() {
      return connections;
    },
    get selections() {
      const { reached, wanted } = phase;
      const asked = phase.name === "live" ? phase.sent : isLinked(phase) ? phase.selection : undefined;
      return { reached, asked, wanted };
    },
    dispatch,
    async publish(updates) {
      // Most feeds are only watched.
      const { publishOver, createQuestions } = await import("../publishing.ts");
      const asked = (questions ??= createQuestions(runtime.setTimer));
      return publishOver(updates, {
        feed,
        runtime,
        backoff,
        FeedPublishError,
        token: asks ? source : () => phase.token,
        async ask(message) {
          const isTwoWay = transports[phase.transport % transports.length]?.isTwoWay ?? false;
          return phase.name === "live" && isTwoWay ? asked.ask(message, send) : undefined;
        },
      });
    },
  };
}
