import { seededRandom, type Random } from "../../src/demo/random.ts";
import { DEFAULT_POLICY } from "../../src/durable/serving/policy.ts";
import { Plans } from "../../src/http/plans.ts";
import type { Region } from "../../src/placement/regions.ts";
import { parseObjectName } from "../../src/placement/route.ts";
import { replicaPolicyOf, type ReplicaPolicy } from "../../src/placement/replica-policy.ts";
import { EVERYTHING, Leader, type Joined } from "./leader.ts";
import { Network, type Place, type Trouble } from "./network.ts";
import { delayLines, planFaults, type Outcome, type Sample, type Setup } from "./outcome.ts";
import { Records, WORK } from "./records.ts";
import { SimulatedReplica } from "./replica.ts";
import { SimulatedTime } from "./time.ts";
import { Watcher } from "./watcher.ts";
import { PEOPLE } from "./world.ts";

/** Workers of a region that each keep a plan. */
const WORKERS = 40;
/** Part of the calls over links that are lost, one way. */
const LOST = 0.0005;
/** One in so many keeps what it has of the feed, to be compared in the end; and one in so many stays when the others leave. */
const VIEWS = 5_000;
const STAY = 1_000;
/** Milliseconds. */
const WARM_UP = 15_000;
const SETTLE = 60_000;
const SAMPLE = 5_000;
const QUIET_MOST = 8 * 3_600_000;
const RETRY = 30_000;

export async function simulate(setup: Setup): Promise<Outcome> {
  return new Simulation(setup).run();
}

class Simulation {
  readonly #setup: Setup;
  readonly #time = new SimulatedTime();
  readonly #records = new Records();
  readonly #random: Random;
  readonly #network: Network;
  readonly #policy: ReplicaPolicy;
  readonly #sockets: number;
  readonly #leader: Leader;
  readonly #replicas = new Map<string, SimulatedReplica>();
  readonly #troubles = new Map<string, Trouble>();
  readonly #workers = new Map<Region, Plans[]>();
  readonly #watchers: Watcher[] = [];
  readonly #samples: Sample[] = [];
  #rate: number;
  #refusals = 0;
  #callsBefore = 0;

  constructor(setup: Setup) {
    this.#setup = setup;
    this.#rate = setup.rate;
    this.#random = seededRandom(setup.seed);
    this.#network = new Network(this.#time, seededRandom(setup.seed + 1));
    // A quarter more places than there are subscribers. Three quarters of all sockets are for anonymous callers.
    const places = Math.ceil((1.25 * setup.subscribers) / setup.replicas);
    this.#sockets = Math.ceil((places * 4) / 3) + 1;
    const policy = replicaPolicyOf({ REPLICAS: "auto", REPLICA_SOCKETS: String(places) }, DEFAULT_POLICY.flush);
    if (!policy) throw new Error("no policy");
    this.#policy = { ...policy, most: setup.replicas };
    this.#leader = new Leader(this.#time, this.#records, this.#policy, this.#sockets, (name) => ({
      deliver: (push) => {
        this.#records.calls.push++;
        this.#time.work(WORK.call);
        const replica = this.#replica(name);
        return this.#network.call(this.#leader, replica, () => replica.deliver(push), this.#link(name));
      },
    }));
    for (const { region } of PEOPLE) {
      this.#workers.set(
        region,
        Array.from({ length: WORKERS }, () => this.#newWorker(region)),
      );
    }
  }

  async run(): Promise<Outcome> {
    const { subscribers, minutes } = this.#setup;
    const all = minutes * 60_000;
    const coming = all / 5;
    this.#publish();
    this.#sampleSoon();
    this.#time.at(WARM_UP, undefined, () => this.#arrive(coming));
    await this.#time.runUntil(WARM_UP + coming);
    // Those who were refused come again.
    for (let wait = 0; this.#joined < subscribers && wait < 100; wait++)
      await this.#time.runUntil(this.#time.now + 2_000);
    if (this.#joined < subscribers) this.#records.fault(`${subscribers - this.#joined} never found a place`);
    await this.#time.runUntil(this.#time.now + 5_000);

    this.#records.phase = "all are there";
    this.#setup.allThere?.();
    const trouble = (all - coming) / 8;
    if (this.#setup.hasTrouble) this.#beginTrouble(trouble);
    const before = { ...this.#records.calls };
    const objects = [this.#leader, ...this.#replicas.values()];
    const worked = objects.map(({ thread }) => thread.worked);
    const begun = this.#time.now;
    await this.#time.runUntil(Math.max(WARM_UP + all, begun + 3 * trouble));
    const took = this.#time.now - begun;
    const busy = objects.map(({ thread }, index) => (thread.worked - (worked[index] ?? 0)) / took);
    const calls = { push: 0, follow: 0, report: 0 };
    for (const kind of ["push", "follow", "report"] as const)
      calls[kind] = ((this.#records.calls[kind] - before[kind]) * 1000) / took;
    const most = Math.max(...Array.from(this.#replicas.values(), ({ watchers }) => watchers.size));
    const onLeader = this.#leader.subscribers;

    const converged = await this.#converge();
    this.#records.phase = "they leave";
    this.#rate = this.#setup.rate;
    this.#leave(coming);
    await this.#time.runUntil(this.#time.now + coming);
    const left = this.#time.now;
    this.#rate = 0.1;
    this.#visit();
    while (Object.keys(this.#leader.plan).length > 0 && this.#time.now < left + QUIET_MOST)
      await this.#time.runUntil(this.#time.now + 60_000);
    const shrunkAfter = (this.#time.now - left) / 60_000;
    if (Object.keys(this.#leader.plan).length > 0) this.#records.fault("the plan is never empty again");
    await this.#converge();
    for (const fault of planFaults(this.#leader.plans, this.#policy.shrinkAfter)) this.#records.fault(fault);
    return {
      policy: this.#policy,
      samples: this.#samples,
      delays: delayLines(this.#leader.deliveries, this.#replicas.values()),
      joins: this.#records.joins,
      messages: this.#records.messages,
      events: this.#time.events,
      refusals: this.#refusals,
      converged,
      calls,
      leaderBusy: busy[0] ?? 0,
      busiest: Math.max(...busy),
      most,
      onLeader,
      shrunkAfter,
      faults: this.#records.faults,
    };
  }

  get #joined(): number {
    let count = this.#leader.subscribers;
    for (const { watchers } of this.#replicas.values()) count += watchers.size;
    return count;
  }

  /** Publishers do not wait for the leader: what they send comes in when its thread is free. */
  #publish(): void {
    if (this.#rate > 0) {
      const key = `key ${Math.floor(this.#random() * this.#setup.keys)}`;
      const price = Math.round(this.#random() * 1e6) / 100;
      const patch = { price, size: Math.floor(this.#random() * 1_000) };
      this.#time.at(this.#time.now, this.#leader.thread, () => this.#leader.publish([{ key, patch }]));
    }
    const wait = this.#rate > 0 ? 1000 / this.#rate : 1_000;
    this.#time.at(this.#time.now + wait, undefined, () => this.#publish());
  }

  /** Has all come within a time, one after the other. */
  #arrive(coming: number): void {
    const { subscribers } = this.#setup;
    const begun = this.#time.now;
    const next = (index: number): void => {
      if (index === subscribers) return;
      const at = begun + ((index + this.#random()) * coming) / subscribers;
      this.#time.at(at, undefined, () => {
        const watcher = this.#newWatcher(index, index % VIEWS === 0);
        this.#watchers.push(watcher);
        this.#join(watcher);
        next(index + 1);
      });
    };
    next(0);
  }

  #newWatcher(index: number, hasView: boolean): Watcher {
    let draw = this.#random();
    const home = PEOPLE.find(({ part }) => (draw -= part) < 0) ?? PEOPLE[0];
    const watcher = new Watcher(`ip ${index}`, home?.region ?? "weur", hasView);
    watcher.askedAt = this.#time.now;
    return watcher;
  }

  /** Asks the Workers of its region, again and again, until an object serves it. */
  #join(watcher: Watcher): void {
    const from = PEOPLE.find(({ region }) => region === watcher.region);
    const worker = this.#workers.get(watcher.region)?.[Math.floor(this.#random() * WORKERS)];
    const asking = worker?.serve<Joined>("feed", { from: () => from, client: watcher.account }, ({ object, isLast }) =>
      (object as unknown as Asked).subscribe(watcher, isLast),
    );
    void asking
      ?.catch((): Joined => "refused")
      .then((answer) => {
        if (answer === "joined" || watcher.hasLeft) return;
        this.#refusals++;
        this.#time.at(this.#time.now + RETRY * (0.5 + this.#random()), undefined, () => this.#join(watcher));
      });
  }

  /** Has nearly all leave within a time. */
  #leave(leaving: number): void {
    for (const [index, watcher] of this.#watchers.entries()) {
      if (index % STAY === 0) continue;
      this.#time.at(this.#time.now + this.#random() * leaving, undefined, () => {
        watcher.hasLeft = true;
        watcher.server?.leave(watcher);
      });
    }
  }

  /** Now and then somebody looks in, so that the leader sees the plan. */
  #visit(): void {
    const watcher = this.#newWatcher(this.#watchers.length + Math.floor(this.#random() * 1e6), false);
    this.#join(watcher);
    this.#time.at(this.#time.now + 5_000, undefined, () => {
      watcher.hasLeft = true;
      watcher.server?.leave(watcher);
    });
    this.#time.at(this.#time.now + 10_000, undefined, () => this.#visit());
  }

  /** Publishes nothing until all have all. Returns the milliseconds from the last commit until the last had it. */
  async #converge(): Promise<number> {
    const { feed } = this.#leader;
    this.#rate = 0;
    await this.#time.runUntil(this.#time.now + 1_000);
    const last = this.#records.committedAt.at(-1) ?? 0;
    const isThere = (watcher: Watcher): boolean => watcher.hasLeft || watcher.seq === feed.seq;
    const end = this.#time.now + SETTLE;
    while (!this.#watchers.every(isThere) && this.#time.now < end) await this.#time.runUntil(this.#time.now + 50);
    const converged = this.#records.lastArrival - last;
    const behind = this.#watchers.filter((watcher) => !isThere(watcher)).length;
    if (behind > 0) this.#records.fault(`${behind} subscribers do not have what was committed last`);
    const entries = JSON.stringify(
      sorted(Array.from(feed.entries.select(EVERYTHING.selection), (e) => [e.key, e.value])),
    );
    for (const { view, hasLeft } of this.#watchers) {
      if (!view || hasLeft) continue;
      if (view.faults.length > 0) this.#records.fault(view.faults[0] ?? "");
      if (JSON.stringify(sorted([...view.entries])) !== entries) this.#records.fault("a subscriber has other entries");
    }
    return converged;
  }

  /** Cuts the link of one replica and slows that of another, for some milliseconds. */
  #beginTrouble(duration: number): void {
    const names = [...this.#replicas.keys()].filter((name) => (this.#replicas.get(name)?.watchers.size ?? 0) > 0);
    const from = this.#time.now + duration;
    const until = from + duration;
    for (const [name, trouble, delay] of [
      [names[1], "link cut", Infinity],
      [names[2], "slow link", 1_500],
    ] as const) {
      const replica = name === undefined ? undefined : this.#replicas.get(name);
      if (!replica || name === undefined) continue;
      this.#troubles.set(name, { from, until, delay });
      replica.deliveries.trouble = `${trouble} for ${Math.round(duration / 1000)} s`;
    }
  }

  #link(name: string): { lost: number; trouble?: Trouble } {
    const trouble = this.#troubles.get(name);
    const lost = this.#setup.hasTrouble ? LOST : 0;
    return trouble ? { lost, trouble } : { lost };
  }

  #replica(name: string): SimulatedReplica {
    const known = this.#replicas.get(name);
    if (known) return known;
    const { region } = parseObjectName(name) ?? { region: "weur" as const };
    const most = { most: this.#policy.sockets, sockets: this.#sockets };
    const call = <T>(run: () => T): Promise<T> =>
      this.#network.call(
        replica,
        this.#leader,
        () => {
          this.#time.work(WORK.call);
          return run();
        },
        this.#link(name),
      );
    const replica: SimulatedReplica = new SimulatedReplica(this.#time, this.#records, region, most, {
      follow: (position) => {
        this.#records.calls.follow++;
        return call(() => this.#leader.links.follow(name, position));
      },
      report: (report) => {
        this.#records.calls.report++;
        return call(() => this.#leader.links.report(name, report));
      },
    });
    this.#replicas.set(name, replica);
    return replica;
  }

  #newWorker(region: Region): Plans {
    const here: Place = { region };
    const leader: Asked = {
      subscribe: (watcher, isLast) =>
        this.#network.call(here, this.#leader, () => this.#leader.subscribe(watcher, here.region, isLast), { lost: 0 }),
    };
    const replica = (name: string): Asked => ({
      subscribe: (watcher) => {
        const replica = this.#replica(name);
        return this.#network.call(here, replica, () => replica.subscribe(watcher), { lost: 0 });
      },
    });
    return new Plans({
      feeds: { getByName: () => leader },
      replicas: { getByName: replica },
    } as unknown as ConstructorParameters<typeof Plans>[0]);
  }

  #sampleSoon(): void {
    this.#time.at(this.#time.now + SAMPLE, undefined, () => {
      const { push, follow, report } = this.#records.calls;
      const { plan } = this.#leader;
      const all = push + follow + report;
      const sample = {
        at: (this.#time.now - WARM_UP) / 1000,
        subscribers: this.#joined,
        onLeader: this.#leader.subscribers,
        planned: Object.values(plan).reduce((sum, count) => sum + count, 0),
        used: Array.from(this.#replicas.values()).filter(({ watchers }) => watchers.size > 0).length,
        links: this.#leader.links.states().length,
        calls: ((all - this.#callsBefore) * 1000) / SAMPLE,
        worst: this.#records.worst,
        plan,
      };
      this.#callsBefore = all;
      this.#records.worst = 0;
      this.#samples.push(sample);
      this.#setup.progress?.(sample);
      this.#sampleSoon();
    });
  }
}

/** A feed's object, as Workers ask it here. */
interface Asked {
  subscribe(watcher: Watcher, isLast: boolean): ReturnType<SimulatedReplica["subscribe"]>;
}

function sorted<T>(entries: [string, T][] | (readonly [string, T])[]): unknown[] {
  return entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => [key, Object.entries(value ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
}
