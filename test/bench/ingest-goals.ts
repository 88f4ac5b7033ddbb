import { atMost, show, type Goal, type Read } from "./goal.ts";

const NCHAN = "POST, single, 16 in flight, 1,000 subscribers, nchan";
const FLOODS = [
  "16 in flight over a socket",
  "64 in flight over a socket",
  "1,000 in flight over a socket",
  "batches of 100, 64 in flight over a socket",
  "256 POSTs in flight",
];
/** By shape of the messages: with all fields, and with 2 of 12. */
const CUTS = ["snapshot", "single", "gathered"] as const;

/** Deliveries a second of a case, and how many times those of nchan by POST. */
function againstNchan(read: Read, name: string): { rate: number; times: number } {
  const rate = read("ingest", name, "delivered/s");
  return { rate, times: rate / read("ingest", NCHAN, "delivered/s") };
}

/** Goals for publishers, for calm under their load, and for readers of some fields. */
export const INGEST_GOALS: readonly Goal[] = [
  {
    what: "delivered/s to 1,000 subscribers, single updates over a publisher's socket, 64 in flight",
    goal: "12 times nchan's by POST, p99 < 250 ms",
    measure(read) {
      const name = "socket, single, 64 in flight, 1,000 subscribers";
      const { rate, times } = againstNchan(read, name);
      const p99 = read("ingest", name, "p99 ms");
      return { measured: `${show(rate)}: ${show(times)} times; p99 ${show(p99)} ms`, parts: [times / 12, 250 / p99] };
    },
  },
  {
    what: "the same in batches of 10; of 100",
    goal: "20; 60 times nchan's",
    measure(read) {
      const [ten, hundred] = [10, 100].map((size) =>
        againstNchan(read, `socket, batches of ${size}, 16 in flight, 1,000 subscribers`),
      );
      return {
        measured: `${show(ten?.rate ?? NaN)}: ${show(ten?.times ?? NaN)} times; ${show(hundred?.rate ?? NaN)}: ${show(hundred?.times ?? NaN)} times`,
        parts: [(ten?.times ?? NaN) / 20, (hundred?.times ?? NaN) / 60],
      };
    },
  },
  {
    what: "durable publishes/s of one update each, no subscriber: POST; socket",
    goal: "0.8; 2.4 times the POSTs of an empty object",
    measure(read) {
      const bare = read("publish", "single, 16 in flight, bare object", "POSTs/s");
      const [post, socket] = ["single, 16 in flight", "single, 16 in flight, socket"].map((name) =>
        read("publish", name, "POSTs/s"),
      );
      const [ofPost, ofSocket] = [(post ?? NaN) / bare, (socket ?? NaN) / bare];
      return {
        measured: `${show(post ?? NaN)}: ${show(ofPost)}; ${show(socket ?? NaN)}: ${show(ofSocket)}`,
        parts: [ofPost / 0.8, ofSocket / 2.4],
      };
    },
  },
  atMost(
    "receipts at 500/s over a socket, 1,000 subscribers: p99",
    25,
    "ms",
    "ingest",
    "socket, single, 500/s, 1,000 subscribers",
    "receipt p99 ms",
  ),
  {
    what: "5,000 subscribers, 100 updates/s: p50 / p99",
    goal: "< 150 / 350 ms",
    measure(read) {
      const name = "POST, single, 100/s, 5,000 subscribers";
      const [p50, p99] = [read("ingest", name, "p50 ms"), read("ingest", name, "p99 ms")];
      return { measured: `${show(p50)} / ${show(p99)} ms`, parts: [150 / p50, 350 / p99] };
    },
  },
  {
    what: "beside any flood of publishes: another's deliveries, p99; its receipts, p50",
    goal: "<= 250 ms; <= 2 times what they are alone",
    measure(read) {
      const calm = read("overload", "nobody floods", "receipt p50 ms");
      const p99s = FLOODS.map((flood) => read("overload", flood, "delivery p99 ms"));
      const times = FLOODS.map((flood) => read("overload", flood, "receipt p50 ms") / calm);
      return {
        measured: `${p99s.map(show).join(", ")} ms; ${times.map(show).join(", ")} times (${FLOODS.join("; ")})`,
        parts: [250 / Math.max(...p99s), 2 / Math.max(...times)],
      };
    },
  },
  {
    what: "2 of 12 fields of the demo's entries: bytes of a snapshot, of single and of gathered updates; CPU a message",
    goal: "<= 1/4; no more",
    measure(read) {
      const part = (shape: string, figure: string): number =>
        read("wire", `${shape}, JSON, 2 of 12 fields`, figure) / read("wire", `${shape}, JSON`, figure);
      const bytes = CUTS.map((shape) => part(shape, "bytes/message"));
      const cpu = CUTS.map((shape) => part(shape, "CPU us/message"));
      return {
        measured: `${bytes.map((share) => `${show(100 * share)} %`).join(", ")}; ${cpu.map((share) => `${show(100 * share)} %`).join(", ")}`,
        // CPU of two runs differs by a tenth.
        parts: [...bytes.map((share) => 0.25 / share), ...cpu.map((share) => 1.1 / share)],
      };
    },
  },
];
