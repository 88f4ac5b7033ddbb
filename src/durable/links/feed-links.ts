import type { Feed } from "../../feed/state/feed.ts";
import type { LogRecord } from "../../feed/state/record.ts";
import { inTime } from "../../limits/in-time.ts";
import { Links, type LinkReport, type LinkState, type Push } from "../../replication/links.ts";
import { RecentRecords } from "../../replication/recent-records.ts";
import type { Position } from "../../protocol/position.ts";
import type { FeedStore } from "../storage/feed-store.ts";
import { readPushAnswer, release, type FollowAnswer, type LinkTimes, type LogLines, type Replica } from "./rpc.ts";
import { NotedReports } from "./noted-reports.ts";
import { QuietTimer } from "./quiet-timer.ts";
import { StateStreams } from "./state-streams.ts";
import { UnsentAlarm } from "./unsent-alarm.ts";

/** What the links of a feed need of its object. */
export interface FeedLinksHost {
  readonly stored: SyncKvStorage;
  /** The feed, with everything committed. Opens it. */
  committed(): { readonly feed: Feed };
  store(): FeedStore;
  /** Whether there may be replicas in this deployment. */
  readonly hasReplicas: boolean;
  replica(name: string): DurableObjectStub<Replica>;
  /** Milliseconds that never go backwards. */
  steady(): number;
  /** Tells the operator of a failure. */
  complain(what: string, error: unknown): void;
  /** Notes how many subscribers a replica has; undefined if it has left. */
  reported(name: string, subscribers: number | undefined): void;
  /** Has `onAlarm` called at a time, in milliseconds since 1970. */
  wakeBy(at: number): void;
}

/** Names of the replicas that follow, in the object's key-value storage. */
const FOLLOWERS = "followers";
/** Characters of the newest records that the leader keeps for its links. */
const RECENT_LENGTH = 1024 * 1024;
/** The position of a replica that is not known. */
const NOWHERE: Position = { epoch: "", seq: 0 };
/** Milliseconds to wait for answers of replicas that are all asked at once. */
const ANSWER_TIME = 1_000;

/**
 * The leader's side of its replicas: which there are, what they are sent, and what they ask for. A feed without replicas pays
 * one look into storage when it is opened.
 */
export class FeedLinks {
  readonly #host: FeedLinksHost;
  #links: Links | undefined;
  #recent = new RecentRecords(0, 0);
  #epoch = "";
  /** How often each replica has asked: one that leaves may have come back meanwhile. */
  readonly #asked = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer fires, on the steady clock. */
  #stepAt: number | undefined;
  readonly #unsent: UnsentAlarm;
  readonly #settling: QuietTimer;
  readonly #states: StateStreams;
  #noted: NotedReports;

  constructor(host: FeedLinksHost, times: Pick<LinkTimes, "settled" | "join">) {
    this.#host = host;
    this.#settling = new QuietTimer(
      times.settled,
      () => host.steady(),
      () => this.#settled(),
    );
    this.#noted = new NotedReports(host.stored);
    this.#unsent = new UnsentAlarm(host.stored, (at) => host.wakeBy(at));
    this.#states = new StateStreams(
      () => void host.committed(),
      () => host.steady(),
      times.join,
    );
  }

  /** Names of the replicas that follow. */
  get names(): readonly string[] {
    return this.#host.stored.get<string[]>(FOLLOWERS) ?? [];
  }

  /** Joins the replicas to a feed that was just opened. They have all of it, unless it is noted that they may not. */
  open(feed: Feed): void {
    const { names } = this;
    if (names.length === 0) return;
    if (!this.#host.hasReplicas) {
      // A deployment before this one had them. Those that still have subscribers ask, and send them away.
      this.#host.stored.delete(FOLLOWERS);
      this.#unsent.clear();
      return;
    }
    const links = this.#begin(feed);
    const mayLack = this.#unsent.resume();
    for (const name of names) links.add(name, mayLack ? undefined : feed.position);
    const position = mayLack ? NOWHERE : feed.position;
    for (const [name, subscribers] of this.#noted.read(Date.now()))
      links.reported(name, { ...position, subscribers, lagging: 0 });
    this.#step();
  }

  states(): readonly LinkState[] {
    return this.#links?.states() ?? [];
  }

  /** Takes what was committed; none of a reset. To be called in the turn of the commit. */
  committed(feed: Feed, records: readonly LogRecord[]): void {
    if (!this.#links || this.#links.size === 0) return;
    if (feed.epoch !== this.#epoch) this.#begin(feed);
    this.#recent.add(records);
    this.#unsent.set();
    this.#links.wake();
    this.#step();
  }

  /** A replica asks for what it lacks. */
  follow(name: string, position: Position | undefined): FollowAnswer {
    if (!this.#host.hasReplicas) throw new Error("this deployment has no replicas");
    const { feed } = this.#host.committed();
    const links = this.#begin(feed);
    this.#asked.set(name, this.#askedBy(name) + 1);
    if (!links.has(name)) {
      links.add(name);
      this.#store(links);
    }
    if (position?.epoch === feed.epoch) {
      if (position.seq === feed.seq)
        return recordsAnswer(feed.epoch, position.seq, { lines: "", seq: feed.seq }, feed.seq);
      const piece = this.readLog(feed.epoch, position.seq);
      if (piece) return recordsAnswer(feed.epoch, position.seq, piece, feed.seq);
    }
    return { kind: "state", lines: this.#states.open(feed), seq: feed.seq };
  }

  /** A piece of the log after a seq. */
  readLog(epoch: string, after: number): LogLines | undefined {
    const { feed } = this.#host.committed();
    if (epoch !== feed.epoch || after >= feed.seq) return undefined;
    const recent = this.#links && this.#recent.since(after);
    return recent === undefined ? this.#host.store().lines(after) : { lines: recent, seq: this.#recent.end };
  }

  /** A replica says what it serves. One that is not known any more is not listened to: it asks before it serves again. */
  report(name: string, report: LinkReport): void {
    this.#host.committed();
    if (!this.#links?.has(name)) return;
    this.#hear(name, report);
    this.#links.reported(name, report);
    this.#host.reported(name, report.subscribers);
  }

  /** What the replicas serve. Those that have not said so since the memory was lost are asked, for a second at most. */
  async survey(): Promise<readonly LinkState[]> {
    const links = this.#links;
    const unknown = links?.states().filter(({ report }) => report === undefined) ?? [];
    const asking = unknown.map(async ({ name }) => {
      const report = await this.#host.replica(name).describe();
      this.#hear(name, report);
      links?.reported(name, report);
      release(report);
    });
    // Those that do not answer in time are left out.
    const asked = Promise.allSettled(asking);
    if (asking.length > 0) await inTime(asked, ANSWER_TIME, () => new Error("no answer")).catch(() => {});
    return this.states();
  }

  /** The alarm has gone off, for whatever reason. */
  onAlarm(now: number): void {
    const isFailing = this.#links?.states().some(({ failingSince }) => failingSince !== undefined) ?? true;
    if (!this.#unsent.wentOff(now, isFailing)) return;
    this.#host.committed();
    this.#links?.wake();
    this.#step();
    if (this.#links?.isBehind !== true) this.#unsent.clear();
  }

  /** Ends all: the feed is removed. Tells the replicas, which close their sockets. */
  async forget(): Promise<void> {
    const { names } = this;
    this.end();
    const told = Promise.allSettled(names.map(async (name) => this.#host.replica(name).forget()));
    // Nothing else is served meanwhile. One that does not answer asks later.
    await inTime(told, ANSWER_TIME, () => new Error("no answer")).catch(() => {});
  }

  /** Stops: what is in memory is not served any more. */
  end(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#settling.cancel();
    this.#timer = undefined;
    this.#stepAt = undefined;
    this.#links = undefined;
    this.#recent = new RecentRecords(0, 0);
    this.#unsent.end();
    this.#states.end();
  }

  #begin(feed: Feed): Links {
    if (!this.#links || feed.epoch !== this.#epoch) {
      this.#epoch = feed.epoch;
      this.#recent = new RecentRecords(RECENT_LENGTH, feed.seq);
    }
    this.#links ??= new Links(
      { epoch: () => this.#epoch, recent: () => this.#recent },
      { push: (name, push) => void this.#push(name, push) },
    );
    return this.#links;
  }

  async #push(name: string, push: Push): Promise<void> {
    const asked = this.#askedBy(name);
    try {
      const { leaves, ...report } = readPushAnswer(await this.#host.replica(name).deliver(push));
      if (leaves && asked === this.#askedBy(name)) this.#remove(name);
      else {
        this.#hear(name, report);
        this.#links?.answered(name, report);
        this.#host.reported(name, report.subscribers);
      }
    } catch (error) {
      this.#host.complain(`the replica ${name} cannot be reached`, error);
      this.#links?.failed(name, this.#host.steady());
    }
    this.#step();
  }

  /** To be called before a report is kept. */
  #hear(name: string, { subscribers }: LinkReport): void {
    if (this.#links?.reportOf(name)?.subscribers !== subscribers) this.#noted.withdraw();
    this.#settling.note();
  }

  #askedBy(name: string): number {
    return this.#asked.get(name) ?? 0;
  }

  #remove(name: string): void {
    if (!this.#links) return;
    this.#noted.withdraw();
    this.#links.remove(name);
    this.#asked.delete(name);
    this.#host.reported(name, undefined);
    this.#store(this.#links);
    if (this.#links.size > 0) return;
    // Without links nothing more is kept: those to come begin with what is committed then.
    this.#unsent.clear();
    this.end();
  }

  #store(links: Links): void {
    this.#host.stored.put(
      FOLLOWERS,
      links.states().map(({ name }) => name),
    );
  }

  /**
   * Once nothing has changed for a while, notes what replicas serve, and that nothing is due if they have had all. Left as it
   * is, the alarm would find a leader that has hibernated meanwhile, and does not know: it would wake all of them, and be set
   * again for that, without end.
   */
  #settled(): void {
    if (!this.#links) return;
    this.#noted.note(this.states(), Date.now());
    if (!this.#links.isBehind) this.#unsent.clear();
  }

  #step(): void {
    const now = this.#host.steady();
    const next = this.#links?.step(now);
    if (next === this.#stepAt) return;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#stepAt = next;
    this.#timer = next === undefined ? undefined : setTimeout(() => this.#onTimer(), Math.max(0, next - now));
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.#stepAt = undefined;
    this.#step();
  }
}

function recordsAnswer(epoch: string, from: number, { lines, seq }: LogLines, end: number): FollowAnswer {
  return { kind: "records", push: { epoch, from, seq, records: lines }, isEnd: seq === end };
}
