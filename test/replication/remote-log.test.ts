import { expect, test, vi } from "vitest";
import { RemoteLog } from "../../src/durable/replica/remote-log.ts";
import { encodeRecord } from "../../src/feed/state/record-lines.ts";
import { Feed } from "../../src/feed/state/feed.ts";
import type { LogRecord } from "../../src/feed/state/record.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";
import { subscriptionOf } from "../feed/recording-subscriber.ts";
import { decodeUpdatesInSteps } from "../../src/protocol/update-decoding.ts";

function recordsOf(count: number): LogRecord[] {
  const feed = Feed.begin("e1");
  return Array.from({ length: count }, (_, n) => {
    const decoded = finishSteps(decodeUpdatesInSteps([{ key: "A", set: { n } }]));
    const acceptance = decoded.ok ? feed.accept(decoded.updates, 0) : undefined;
    if (!acceptance?.ok || !acceptance.record) throw new Error("not accepted");
    return acceptance.record;
  });
}

test("[REP1] shows nothing that the leader has and the replica's feed has not yet", async () => {
  const records = recordsOf(6);
  const lines = records.slice(1).map(encodeRecord).join("\n");
  const log = new RemoteLog(
    3,
    async () => ({ lines, seq: 6 }),
    () => 0,
  );
  log.recent.add(records.slice(3, 4));
  const { selection } = subscriptionOf([]);
  expect(log.read(1, selection)).toBe("later");
  await vi.waitFor(() => expect(log.read(1, selection)).not.toBe("later"));
  const piece = log.read(1, selection);
  expect(piece).toMatchObject({ records: [{ seq: 2 }, { seq: 3 }, { seq: 4 }], seq: 4 });
  expect(log.read(4, selection)).toMatchObject({ records: [], seq: 4, isEnd: true });
});

test("[FIELD4] who only looks has nothing brought from the leader", () => {
  const fetch = vi.fn(async () => undefined);
  const log = new RemoteLog(60, fetch, () => 0);
  const { selection } = subscriptionOf([]);
  expect(log.read(1, selection, true)).toBeUndefined();
  expect(fetch).not.toHaveBeenCalled();
  expect(log.read(60, selection, true)).toMatchObject({ seq: 60, isEnd: true });
});

test("[REP9] readers at many places all get on, however few pieces of the leader's log there is room for", async () => {
  const records = recordsOf(60);
  const fetch = async (after: number): Promise<{ lines: string; seq: number }> => {
    await Promise.resolve();
    return {
      lines: records
        .slice(after, after + 2)
        .map(encodeRecord)
        .join("\n"),
      seq: after + 2,
    };
  };
  const log = new RemoteLog(60, fetch, () => 0);
  const { selection } = subscriptionOf([]);
  const readers = Array.from({ length: 20 }, (_, i) => i * 2);
  for (let round = 0; round < 1000 && readers.some((at) => at < 60); round++) {
    for (const [i, at] of readers.entries()) {
      const piece = log.read(at, selection);
      if (piece !== "later") readers[i] = piece?.seq ?? -1;
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
  expect(readers).toEqual(readers.map(() => 60));
});

test("[REP9] a reader does not wait without end for a leader that has fallen silent", async () => {
  vi.useFakeTimers();
  try {
    const log = new RemoteLog(
      60,
      () => new Promise(() => {}),
      () => Date.now(),
    );
    const { selection } = subscriptionOf([]);
    expect(log.read(1, selection)).toBe("later");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(log.read(1, selection)).toBeUndefined();
  } finally {
    vi.useRealTimers();
  }
});
