import { atMost, show, type Goal } from "./goal.ts";
import { INGEST_GOALS } from "./ingest-goals.ts";

const OURS = "tickertape";
const PACED = ["100/s", "200/s", "500/s"];

/** The project's goals, each with the figures that it is read from. */
export const GOALS: readonly Goal[] = [
  {
    what: "delivered/s to 1,000 subscribers, single-update POSTs, 16 in flight",
    goal: "35 times the best peer's, p99 < 200 ms",
    measure(read) {
      const ratio = read("fanout", `16 in flight, ${OURS}`, "times best peer");
      const delivered = read("fanout", `16 in flight, ${OURS}`, "delivered/s");
      const p99 = read("fanout", `16 in flight, ${OURS}`, "p99 ms");
      const posts = read("publish", "single, 16 in flight, bare object", "POSTs/s");
      const others = ["bare object", "ws", "socket.io", "partyserver", "nchan"].flatMap((peer) => {
        const times = delivered / read("fanout", `16 in flight, ${peer}`, "delivered/s");
        return Number.isNaN(times) ? [] : [`${show(times)} x ${peer}`];
      });
      return {
        measured: `${show(delivered)}: ${others.join(", ")}; p99 ${show(p99)} ms; a bare object takes ${show(posts)} POSTs/s`,
        parts: [ratio / 35, 200 / p99],
      };
    },
  },
  {
    what: "100, 200, 500 updates/s: in time; p50 / p99",
    goal: "100 %; < 60 / 110 ms",
    measure(read) {
      const rows = PACED.map((load) => {
        const figure = (name: string): number => read("fanout", `${load}, ${OURS}`, name);
        return { load, inTime: figure("in time %"), p50: figure("p50 ms"), p99: figure("p99 ms") };
      });
      return {
        measured: rows
          .map(({ load, inTime, p50, p99 }) => `${load}: ${show(inTime)} %, ${show(p50)} / ${show(p99)} ms`)
          .join("; "),
        // The first and the last update may fall on either side of the measured time.
        parts: rows.flatMap(({ inTime, p50, p99 }) => [inTime / 99.9, 60 / p50, 110 / p99]),
      };
    },
  },
  {
    what: "20 updates/s: p50 / p99",
    goal: "no worse than a bare object's loop",
    measure(read) {
      const figures = (name: string): [number, number] => [
        read("fanout", `20/s, ${name}`, "p50 ms"),
        read("fanout", `20/s, ${name}`, "p99 ms"),
      ];
      const [p50, p99] = figures(OURS);
      const [bareP50, bareP99] = figures("bare object");
      return {
        measured: `${show(p50)} / ${show(p99)} ms, bare ${show(bareP50)} / ${show(bareP99)} ms`,
        parts: [bareP50 / p50, bareP99 / p99],
      };
    },
  },
  atMost("server CPU a delivered update at 500/s", 1, "us", "fanout", `500/s, ${OURS}`, "CPU us/update"),
  atMost("receipts at 500 POST/s, 1,000 subscribers: p99", 30, "ms", "fanout", `500/s, ${OURS}`, "receipt p99 ms"),
  {
    what: "batches of 100: durable updates accepted/s",
    goal: ">= 150,000",
    measure(read) {
      const rate = read("publish", "100 a POST, 16 in flight", "updates/s");
      return { measured: show(rate), parts: [rate / 150_000] };
    },
  },
  atMost(
    "rows per 1,000 single POSTs at 500/s, 1,000 subscribers",
    100,
    "",
    "rows",
    "40 keys, 500/s, values of 50 bytes, 1,000 subscribers",
    "with checkpoints",
  ),
  {
    what: "10,000 sockets each on 1 of 10,000 keys: CPU of an update",
    goal: "within 2 times that of 100",
    measure(read) {
      const [few = NaN, some = NaN, many = NaN] = ["100", "1,000", "10,000"].map((n) =>
        read("keys", n, "CPU us/update"),
      );
      return {
        measured: `100: ${show(few)}, 1,000: ${show(some)}, 10,000: ${show(many)} us; ${show(many / few)} times`,
        parts: [(2 * few) / many],
      };
    },
  },
  {
    what: "1,000 clients at once, 1,000 keys: last has its state",
    goal: "< 2 s",
    measure(read) {
      const names = ["new clients", "new clients, server just restarted", "with since, server just restarted"];
      const [fresh = NaN, restarted = NaN, since = NaN] = names.map((name) => read("storm", name, "last ms"));
      return {
        measured: `new ${show(fresh)}, after a restart ${show(restarted)}, with since ${show(since)} ms`,
        parts: [2_000 / fresh, 2_000 / restarted, 2_000 / since],
      };
    },
  },
  {
    what: "a stuck reader at 1 MB/s: memory; others' p99; converges",
    goal: "< 2 MB more; unchanged; yes",
    measure(read) {
      const figure = (name: string): [number, number] => [
        read("slow", "all read", name),
        read("slow", "one stops reading", name),
      ];
      const [grown, grownStuck] = figure("RSS growth MB");
      const [p99, p99Stuck] = figure("p99 ms");
      const converged = read("slow", "one stops reading", "converged");
      return {
        measured: `${show(grownStuck)} MB (all read: ${show(grown)}); p99 ${show(p99Stuck)} ms (${show(p99)}); ${converged === 1 ? "yes" : "no"}`,
        // Two equal runs differ by a fifth.
        parts: [2 / Math.max(0.1, grownStuck - grown), (1.2 * p99) / p99Stuck, converged],
      };
    },
  },
  {
    what: "memory per idle socket beyond a bare object's that greets, 5,000 sockets",
    goal: "< 1 KB; nothing once it hibernates",
    measure(read) {
      const beyond = (figure: string, bare: string): number =>
        read("idle", `5,000, ${OURS}`, figure) - read("idle", `5,000, ${bare}`, figure);
      const greets = "bare object that greets";
      const heap = beyond("heap B/socket awake", greets);
      const asleep = beyond("KB/socket after 15 s", greets);
      const awake = beyond("KB/socket awake", `${greets} and keeps its sockets`);
      const heapAsleep = read("idle", `5,000, ${OURS}`, "heap B/socket after 15 s");
      return {
        measured: `heap ${show(heap)} B, hibernated ${show(heapAsleep)} B; resident ${show(beyond("KB/socket awake", greets))} KB (${show(awake)} beyond one that keeps its sockets), hibernated ${show(asleep)} KB`,
        parts: [
          1000 / Math.max(1, heap),
          1 / Math.max(0.01, awake),
          1 / Math.max(0.01, asleep),
          // What an object itself takes, spread over its sockets.
          20 / Math.max(1, heapAsleep),
          read("idle", `5,000, ${OURS}`, "has hibernated"),
        ],
      };
    },
  },
  {
    what: "growth: CPU a frame with 100 / 1,000 / 5,000 subscribers; an update with 10 / 1,000 / 10,000 keys",
    goal: "linear in frames; flat in keys",
    measure(read) {
      const frame = ["100", "1,000", "5,000"].map((n) =>
        read("growth", `${n} subscribers, 1,000 keys`, "CPU us/frame"),
      );
      const key = ["10", "1,000", "10,000"].map((n) => read("growth", `1,000 subscribers, ${n} keys`, "CPU us/frame"));
      return {
        measured: `${frame.map(show).join(" / ")} us; ${key.map(show).join(" / ")} us a frame`,
        // Growth of up to one half beyond linear still counts, from the middle size on.
        parts: [(1.5 * (frame[1] ?? NaN)) / (frame[2] ?? NaN), (1.5 * (key[0] ?? NaN)) / (key[2] ?? NaN)],
      };
    },
  },
  ...INGEST_GOALS,
];
