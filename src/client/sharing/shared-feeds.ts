import {
  createSharedConnection,
  type Member,
  type OpenConnection,
  type SharedConnection,
} from "./shared-connection.ts";
import type { Tools } from "./tools.ts";
import type { AnySelection } from "../selection.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { OpenSource } from "../source.ts";
import type { FeedOptions, FeedStatus } from "../types.ts";

const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();

/** The shared connections of this program, each with what all of its members have in common. */
const connections = new Map<SharedConnection, readonly unknown[]>();

/** What a feed shares a connection by. */
export interface Sharing {
  readonly url: URL;
  readonly options: FeedOptions<string>;
  /** What credentials are compared by. */
  readonly credential: unknown;
  /** That of the options, normalised. */
  readonly selection: AnySelection;
  /** Those that the feed begins with, if any. */
  readonly entries: ReadonlyMap<string, JsonObject> | undefined;
  readonly open: OpenConnection;
  readonly tools: Tools;
}

/**
 * A part of a connection that is shared with all who ask for the same feed with the same credential, and otherwise in the
 * same way. Who wants every update (`mode: "all"`) has a connection alone, and more than the server takes in one selection is
 * taken over several.
 */
export function joinConnection({
  url,
  options,
  credential,
  selection: first,
  entries,
  open,
  tools,
}: Sharing): OpenSource {
  const { staleAfter, silentAfter, format, WebSocket } = options;
  return (listener) => {
    let home = homeFor(first);
    const member: Member = {
      listener,
      options,
      wanted: home.lensOf(first),
      shown: entries && { entries },
      told: home.statusOf({ shown: entries && { entries } }),
      moveOn() {
        const { selection } = member.wanted;
        home = homeFor(selection);
        want(selection);
      },
    };
    /** Once it has left. */
    let closed: FeedStatus | undefined;

    function homeFor({ mode }: AnySelection): SharedConnection {
      const alone = mode === "all" ? listener : undefined;
      const common = [url.href, credential, staleAfter, silentAfter, format?.protocol, WebSocket, tools.runtime, alone];
      for (const [shared, others] of connections)
        if (!shared.isFull && common.every((part, i) => part === others[i])) return shared;
      const shared = createSharedConnection(tools, open, () => connections.delete(shared));
      connections.set(shared, common);
      return shared;
    }

    function want(selection: AnySelection): void {
      member.wanted = home.lensOf(selection);
      home.enter(member);
    }

    want(first);
    return {
      get entries() {
        return member.shown?.entries ?? NOTHING;
      },
      get position() {
        return member.shown && home.connection?.position;
      },
      get changedAt() {
        return home.connection?.changedAt;
      },
      get exists() {
        return home.connection?.exists;
      },
      get status() {
        return closed ?? home.statusOf(member);
      },
      get latency() {
        return home.connection?.latency;
      },
      get connections() {
        return home.connection?.connections ?? 0;
      },
      async publish(updates) {
        // A new one opens a moment after its first member has come.
        if (!home.connection) await Promise.resolve();
        if (!home.connection) throw new Error("the feed is closed");
        return home.connection.publish(updates);
      },
      dispatch(event) {
        if (closed) return;
        const { type } = event;
        if (type === "reconnect") home.connection?.dispatch(event);
        else if (type === "select") {
          const { selection } = event;
          if (selection.mode !== member.wanted.selection.mode) {
            home.leave(member);
            home = homeFor(selection);
          }
          want(selection);
          if (member.wanted === member.shown) listener.selected();
        } else {
          home.leave(member);
          closed = { ...tools.firstStatus("closed", tools.runtime.now()), reason: "closed" };
          listener.status(closed);
          listener.done();
        }
      },
    };
  };
}
