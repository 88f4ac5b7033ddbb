import type { Lab } from "../../lab.ts";
import { clock } from "../../load/clock.ts";
import { exactCpuSeconds } from "../../load/cpu.ts";
import { Crowd, type CrowdReport } from "../../load/crowd.ts";
import { fill } from "../../load/fill.ts";
import { Publisher, type Published } from "../../load/publisher.ts";
import { update } from "../../load/updates.ts";
import type { ApartCounts } from "../../apart/counts.ts";
import type { LatencySamples } from "../../statistics.ts";
import { Apart } from "../../targets/apart.ts";

const KEYS = 1_000;
const VALUE_BYTES = 50;
/** First at full speed, so that the code is compiled; then the load itself. Seconds. */
const WARM_UP = [2, 1] as const;
const FULL_SPEED = { inFlight: 16 };

export interface ApartLoad {
  readonly replicas: number;
  /** Subscribers of the leader, and of all replicas together. */
  readonly direct: number;
  readonly distant: number;
  /** Updates a second, a POST each. */
  readonly rate: number;
  readonly seconds: number;
}

type Received = CrowdReport & { readonly samples: LatencySamples };

export interface ApartMeasured {
  readonly published: Published;
  /** What subscribers got; undefined if there were none. */
  readonly direct: Received | undefined;
  readonly distant: Received | undefined;
  /** Seconds of CPU of the leader's process and of all others, and how long they took for it. */
  readonly leaderCpu: number;
  readonly replicaCpu: number;
  readonly seconds: number;
  /** What was counted meanwhile. */
  readonly counts: { readonly leader: Counted; readonly replicas: Counted };
}

interface Counted {
  readonly requests: (method: string) => number;
  readonly alarms: number;
  readonly rowsBySql: number;
  readonly otherRows: number;
}

/** Publishes to a feed that has replicas, and returns what was measured. */
export async function underLoad(lab: Lab, load: ApartLoad): Promise<ApartMeasured> {
  const { replicas, direct, distant, rate, seconds } = load;
  const apart = await Apart.start(lab, { replicas });
  const crowds: Crowd[] = [];
  const publisher = new Publisher(apart.publish(), (i) => ({ body: update(i % KEYS, VALUE_BYTES) }));
  try {
    await fill(apart.publish(), KEYS, VALUE_BYTES);
    const open = async (endpoint: Parameters<typeof Crowd.open>[1], count: number): Promise<Crowd | undefined> => {
      if (count === 0) return undefined;
      const crowd = await Crowd.open(lab, endpoint, count);
      crowds.push(crowd);
      return crowd;
    };
    const near = await open(apart.direct(), direct);
    const far = await open(apart.distant(), distant);
    await publisher.publish(FULL_SPEED, WARM_UP[0]);
    await publisher.publish({ rate }, WARM_UP[1]);
    for (const crowd of crowds) await crowd.finish();
    for (const crowd of crowds) await crowd.begin();
    const before = await apart.counts();
    const [leader, others, start] = [
      await exactCpuSeconds(apart.leaderPid),
      await cpuOfAll(apart.replicaPids),
      clock(),
    ];
    const published = await publisher.publish({ rate }, seconds);
    if (published.refused > 0) throw new Error(`${published.refused} POSTs were refused`);
    const took = (clock() - start) / 1000;
    const [received, receivedFar] = [await near?.finish(), await far?.finish()];
    const after = await apart.counts();
    return {
      published,
      direct: received,
      distant: receivedFar,
      leaderCpu: (await exactCpuSeconds(apart.leaderPid)) - leader,
      replicaCpu: (await cpuOfAll(apart.replicaPids)) - others,
      seconds: took,
      counts: { leader: between(before.leader, after.leader), replicas: between(before.replicas, after.replicas) },
    };
  } finally {
    publisher.close();
    for (const crowd of crowds) await crowd.close();
    await apart.stop();
  }
}

async function cpuOfAll(pids: readonly number[]): Promise<number> {
  return (await Promise.all(pids.map(exactCpuSeconds))).reduce((sum, seconds) => sum + seconds, 0);
}

function between(before: ApartCounts, after: ApartCounts): Counted {
  return {
    requests: (method) => (after.requests[method] ?? 0) - (before.requests[method] ?? 0),
    alarms: after.alarms - before.alarms,
    rowsBySql: after.rowsBySql - before.rowsBySql,
    otherRows: after.otherRows - before.otherRows,
  };
}
