import { difference, type Changes, type Lens, type Shown } from "./lens.ts";
import { createLensSet } from "./lens-set.ts";
import { coverage, createMerging } from "./merged-selection.ts";
import type { Connection } from "../connection/connection.ts";
import type { AnySelection } from "../selection.ts";
import type { SourceListener } from "../source.ts";
import type { Tools } from "./tools.ts";
import type { Batch, FeedOptions, FeedStatus } from "../types.ts";

/** Milliseconds for which a connection stays when its last user has gone, and a selection that is wider than needed. */
const LINGER = 1_000;
/** Milliseconds between two `subscribe` messages: a list that is scrolled wants other rows all the time. */
const PAUSE = 200;
/** Milliseconds after which a selection that the server has refused is asked for again. */
const RETRY = 10_000;

/** One user of a shared connection. */
export interface Member {
  readonly listener: SourceListener;
  readonly options: FeedOptions<string>;
  wanted: Lens;
  /** What it shows: something else, or nothing, until the connection has what it wants. */
  shown: Shown | undefined;
  /** Its status as it was last told. */
  told: FeedStatus;
  /** There is no room for it: to another connection. */
  readonly moveOn: () => void;
}

export interface SharedConnection {
  /** Undefined until its first members are there. */
  readonly connection: Connection | undefined;
  /** The server would not take more in one selection. */
  readonly isFull: boolean;
  lensOf(selection: AnySelection): Lens;
  /** It has come, or wants something else. */
  enter(member: Member): void;
  leave(member: Member): void;
  statusOf(member: Pick<Member, "shown">): FeedStatus;
}

/** Opens a connection of its own. */
export type OpenConnection = (options: FeedOptions<string>, listener: SourceListener) => Connection;

/**
 * One connection for several users of a feed. It selects what all of them want, and each sees only its own part. What they
 * want in one turn of the event loop is asked for at once. A member is shown what it wants as soon as the connection has all
 * of it, and is sure to keep it (docs/decisions/shared-connections.md): until then it is connecting, or shows what it had.
 * `ended` is called when the last one has gone.
 */
export function createSharedConnection(tools: Tools, open: OpenConnection, ended: () => void): SharedConnection {
  const { runtime, isEqual, firstStatus } = tools;
  const members = new Set<Member>();
  const lenses = createLensSet(tools);
  const before = firstStatus("connecting", runtime.now());
  /** What a member is told for a status of the connection that is not its own. */
  const statuses = new WeakMap<FeedStatus, FeedStatus>();
  let connection: Connection | undefined;
  let isFull = false;
  /** Members have come since the connection was last tried. */
  let isAwaited = false;
  let askedAt = -Infinity;
  let dueAt = Infinity;
  let cancelTimer: (() => void) | undefined;
  // What one event of the connection has brought.
  let message: [changes: Changes, batch: Batch, conflates: boolean] | undefined;
  let refusal: Error | undefined;

  /** Asks for what is wanted, in `delay` milliseconds at the latest. */
  function schedule(delay: number): void {
    const at = runtime.now() + delay;
    if (at >= dueAt) return;
    cancelTimer?.();
    dueAt = at;
    if (delay > 0) cancelTimer = runtime.setTimer(delay, ask);
    else queueMicrotask(ask);
  }

  function ask(): void {
    cancelTimer = undefined;
    dueAt = Infinity;
    const wanted = mergeSelections();
    if (members.size === 0) {
      connection?.dispatch({ type: "close" });
      ended();
      return;
    }
    if (!connection) connection = connect(wanted);
    else if (!isEqual(wanted, connection.selections.wanted)) {
      askedAt = runtime.now();
      connection.dispatch({ type: "select", selection: wanted });
    }
    // As a connection of its own would try.
    if (isAwaited && connection.status.state === "closed") connection.dispatch({ type: "reconnect" });
    isAwaited = false;
    tell();
  }

  function connect(wanted: AnySelection): Connection {
    const all = Array.from(members, ({ options }) => options);
    const [options] = all;
    const { token, initial } = options ?? {};
    const latest = (): ReturnType<Extract<typeof token, () => unknown>> => {
      const { token } = [...members].at(-1)?.options ?? {};
      return typeof token === "function" ? token() : token;
    };
    return open(
      {
        ...options,
        ...wanted,
        // It lacks what only others want.
        initial: all.every((options) => options.initial === initial) ? initial : undefined,
        // Of functions the newest one: that of a component which has gone may be of a page that has gone.
        token: typeof token === "function" ? latest : token,
      },
      {
        changed: (...args) => (message = args),
        status: () => {},
        selected: (error) => (refusal ??= error),
        done: tell,
      },
    );
  }

  /** What is shown stays selected until all that is wanted instead is there. Moves members on for whom there is no room. */
  function mergeSelections(): AnySelection {
    const merging = createMerging();
    const used = new Set<Shown | undefined>(Array.from(members, ({ shown }) => shown));
    for (const lens of lenses.all()) if (used.has(lens)) merging.add(lens.selection);
    for (const member of members) {
      const { wanted } = member;
      if (used.has(wanted) || merging.add(wanted.selection)) used.add(wanted);
      else {
        isFull = true;
        remove(member);
        member.moveOn();
      }
    }
    lenses.keep(used);
    return merging.merged;
  }

  /** What it showed stays as it is. */
  function remove(member: Member): void {
    members.delete(member);
    const { entries } = member.shown ?? {};
    member.shown = entries && { entries: new Map(entries) };
  }

  /** Tells members what has changed for them. */
  function tell(): void {
    if (!connection) return;
    const told = new Set<Member>();
    // What they have been told of, before it changes.
    const arriving = new Map(readyMembers().map((member) => [member, new Map(member.shown?.entries)]));
    const [changes = [], batch, conflates = true] = message ?? [];
    message = undefined;
    if (batch) {
      const seen = lenses.follow(changes, batch, connection.entries);
      for (const member of members) {
        const own = seen.get(member.shown);
        if (!own || arriving.has(member)) continue;
        member.listener.changed(own, batch, conflates);
        told.add(member);
      }
    }
    for (const [member, before] of arriving) {
      const { wanted, listener } = member;
      if (!wanted.entries) wanted.read(connection.entries);
      // What it has shown until now may not be needed any more.
      if (member.shown) schedule(LINGER);
      member.shown = wanted;
      const position = connection.position ?? "";
      const changes = difference(before, wanted.entries ?? before, tools);
      listener.changed(changes, batch ?? { position, time: undefined, ...SELECTED }, true);
      listener.selected();
      told.add(member);
    }
    if (refusal) tellRefusal(refusal);
    refusal = undefined;
    for (const member of members) {
      const status = statusOf(member);
      if (status === member.told) continue;
      member.told = status;
      member.listener.status(status);
      told.add(member);
    }
    for (const { listener } of told) listener.done();
  }

  /** The members for whom all that they want is there now, and stays after what was asked for. */
  function readyMembers(): Member[] {
    const waiting = [...members].filter(({ wanted, shown }) => wanted !== shown);
    const { reached, asked, wanted } = connection?.selections ?? {};
    if (waiting.length === 0 || !reached) return [];
    const asks = new Set([reached, asked ?? reached, wanted ?? reached]);
    const tests = Array.from(asks, (selection) => coverage(selection, tools));
    return waiting.filter(({ wanted }) => wanted.entries ?? tests.every((isCovered) => isCovered(wanted.selection)));
  }

  function tellRefusal(refusal: Error): void {
    for (const member of members) {
      const lens = lenses.all().find((lens) => lens === member.shown);
      if (!lens || lens === member.wanted) continue;
      member.wanted = lens;
      member.listener.selected(refusal);
    }
    // Others may have come at the same time.
    schedule(RETRY);
  }

  function statusOf({ shown }: Pick<Member, "shown">): FeedStatus {
    const status = connection?.status ?? before;
    const { state } = status;
    if (state === "closed" || state === "offline" || (shown !== undefined) === (state !== "connecting")) return status;
    let own = statuses.get(status);
    if (!own) {
      const reason = state === "live" ? "waiting for its entries" : status.reason;
      own = { ...status, state: shown ? "recovering" : "connecting", reason, since: runtime.now() };
      statuses.set(status, own);
    }
    return own;
  }

  return {
    get connection() {
      return connection;
    },
    get isFull() {
      return isFull;
    },
    lensOf: (selection) => lenses.of(selection),
    enter(member) {
      isAwaited ||= !members.has(member);
      members.add(member);
      schedule(Math.max(0, askedAt + PAUSE - runtime.now()));
    },
    leave(member) {
      remove(member);
      isFull = false;
      schedule(LINGER);
    },
    statusOf,
  };
}

/** What a batch says of entries that the connection had already. */
const SELECTED = { cause: "snapshot", reason: "subscribe", skipped: 0 } as const;
