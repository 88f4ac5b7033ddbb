import { FeedLinks } from "../../src/durable/links/feed-links.ts";
import type { Replica } from "../../src/durable/links/rpc.ts";
import { DEFAULT_POLICY } from "../../src/durable/serving/policy.ts";
import { ServingFeed } from "../../src/durable/serving/serving-feed.ts";
import type { FeedStore } from "../../src/durable/storage/feed-store.ts";
import { GroupCommit } from "../../src/durable/storage/group-commit.ts";
import { Budget } from "../../src/feed/fanout/budget.ts";
import { Feed } from "../../src/feed/state/feed.ts";
import { seqAfter, type LogRecord } from "../../src/feed/state/record.ts";
import type { Answer } from "../../src/http/plans.ts";
import { Places } from "../../src/limits/places.ts";
import { steadyClock } from "../../src/limits/steady-clock.ts";
import { decodePlan, encodePlan } from "../../src/placement/plan-text.ts";
import type { Plan } from "../../src/placement/plan.ts";
import { Planner } from "../../src/placement/planner.ts";
import type { Region } from "../../src/placement/regions.ts";
import type { ReplicaPolicy } from "../../src/placement/replica-policy.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";
import { EVERYTHING as ALL, type Subscription } from "../../src/protocol/selection.ts";
import type { Update } from "../../src/protocol/update.ts";
import { decodeUpdatesInSteps } from "../../src/protocol/update-decoding.ts";
import { Deliveries, WORK, type Records } from "./records.ts";
import { Thread, type SimulatedTime } from "./time.ts";
import type { Server, Watcher } from "./watcher.ts";
import { memoryStorage } from "../support/memory-storage.ts";

export const EVERYTHING: Subscription = { selection: ALL, mode: "latest", hz: undefined };
/** The answer to an upgrade. */
export type Joined = "joined" | "refused";

/** A leader's feed without storage: a commit writes nothing. */
class LeadingFeed extends ServingFeed {
  readonly #commits: GroupCommit<LogRecord>;

  constructor(steady: () => number, committed: (records: readonly LogRecord[]) => void) {
    super(Feed.begin("first"), { read: () => undefined }, DEFAULT_POLICY.flush, steady, new Budget());
    const write = (records: readonly LogRecord[]): void => {
      this.deliver(records);
      committed(records);
    };
    this.#commits = new GroupCommit(write, DEFAULT_POLICY.commit, steady);
  }

  accept(updates: Update[]): void {
    const decoded = finishSteps(decodeUpdatesInSteps(updates));
    const acceptance = decoded.ok ? this.feed.accept(decoded.updates, Date.now()) : undefined;
    if (!acceptance?.ok || !acceptance.record) throw new Error("not accepted");
    void this.#commits.add(acceptance.record);
  }

  override commit(): void {
    this.#commits.commit();
  }
}

/** What `FeedObject` does, without platform and storage: the real feed, fan-out, links and planner, and the calls in between. */
export class Leader implements Server {
  readonly region: Region = "enam";
  readonly thread = new Thread();
  readonly served: LeadingFeed;
  readonly links: FeedLinks;
  readonly planner: Planner;
  readonly deliveries: Deliveries;
  /** The plan as it was last made, and what was made before. */
  plan: Plan = {};
  readonly plans: { readonly at: number; readonly plan: Plan }[] = [];
  readonly #time: SimulatedTime;
  readonly #places: Places;
  readonly #steady = steadyClock();
  #alarmAt = Infinity;

  constructor(
    time: SimulatedTime,
    records: Records,
    policy: ReplicaPolicy,
    sockets: number,
    replica: (name: string) => Pick<Replica, "deliver">,
  ) {
    this.#time = time;
    this.#places = new Places(sockets, sockets);
    this.planner = new Planner(policy);
    this.deliveries = new Deliveries(time, records, this.region, this.thread);
    this.served = new LeadingFeed(this.#steady, (committed) => {
      for (const record of committed)
        for (let seq = record.from + 1; seq <= seqAfter(record); seq++) records.committedAt[seq] = time.now;
      this.planner.changed(this.#steady());
      this.links.committed(this.feed, committed);
    });
    this.links = new FeedLinks(
      {
        stored: memoryStorage(),
        committed: () => {
          this.served.commit();
          return this.served;
        },
        // No journal: whoever is behind the newest records gets the whole state.
        store: () => ({ lines: () => undefined }) as unknown as FeedStore,
        replica: (name) => replica(name) as DurableObjectStub<Replica>,
        hasReplicas: true,
        complain: () => {},
        steady: this.#steady,
        reported: (name, subscribers) => {
          if (subscribers === undefined) this.planner.left(name);
          else this.planner.reported(name, subscribers, this.#steady());
        },
        wakeBy: (at) => this.#wakeBy(at),
      },
      DEFAULT_POLICY.links,
    );
  }

  get feed(): Feed {
    return this.served.feed;
  }

  get subscribers(): number {
    return this.served.broadcast.subscribers;
  }

  publish(updates: Update[]): void {
    this.served.accept(updates);
  }

  subscribe(watcher: Watcher, region: Region, isLast: boolean): Answer<Joined> {
    this.planner.arrived(region, this.#steady());
    const plan = this.#makePlan();
    const caller = { clientIp: watcher.account, kind: "anonymous", credential: undefined } as const;
    const isElsewhere = !isLast && encodePlan(plan) !== "";
    this.#time.work(isElsewhere ? WORK.redirect : WORK.subscribe);
    if (isElsewhere) return { served: undefined, plan };
    if (this.#places.refusal(caller)) return { served: isLast ? "refused" : undefined, plan };
    this.#places.take(caller);
    this.served.commit();
    watcher.server = this;
    watcher.subscriber = this.served.broadcast.subscribe(watcher, EVERYTHING, undefined);
    return { served: "joined", plan };
  }

  leave(watcher: Watcher): void {
    this.#places.leave({ clientIp: watcher.account, kind: "anonymous", credential: undefined });
    if (watcher.subscriber) this.served.broadcast.unsubscribe(watcher.subscriber);
  }

  #makePlan(): Plan {
    const plan = decodePlan(encodePlan(this.planner.plan(this.subscribers, this.#steady())));
    if (encodePlan(plan) !== encodePlan(this.plan)) this.plans.push({ at: this.#time.now, plan });
    return (this.plan = plan);
  }

  #wakeBy(at: number): void {
    if (at >= this.#alarmAt) return;
    this.#alarmAt = at;
    this.#time.at(this.#time.now + at - Date.now(), this.thread, () => {
      this.#alarmAt = Infinity;
      this.links.onAlarm(Date.now());
    });
  }
}
