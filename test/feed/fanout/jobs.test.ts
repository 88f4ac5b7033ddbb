import { describe, expect, test } from "vitest";
import { Jobs, type Job, type StepResult } from "../../../src/feed/fanout/catch-up/jobs.ts";

function bad(): never {
  throw new Error("bad");
}

describe("[STEP1] [I7] long work is done in steps", () => {
  test("by turns of the accounts, so that an account that asks for much waits alone", () => {
    const done: string[] = [];
    const jobOf = (account: string, name: string): Job => ({
      account,
      needsCommit: false,
      isReady: () => true,
      fail: () => {},
      end: () => {},
      step(_, meter): StepResult {
        meter.work += 40;
        done.push(name);
        return name === "endless" || done.length < 50 ? "more" : "done";
      },
    });
    const jobs = new Jobs(1000);
    for (let i = 0; i < 10; i++) jobs.add(jobOf("greedy", "endless"));
    jobs.add(jobOf("honest", "short"));
    jobs.run(0, () => true);
    expect(done.slice(0, 4)).toEqual(["endless", "short", "endless", "short"].slice(0, done.length));
    expect(done.length, "a run has an end").toBeLessThan(30);
  });

  test("a job that needs a commit waits for it, and others go on", () => {
    const done: string[] = [];
    const jobOf = (needsCommit: boolean): Job => ({
      account: String(needsCommit),
      needsCommit,
      isReady: () => true,
      fail: () => {},
      end: () => {},
      step: (): StepResult => (done.push(String(needsCommit)), "done"),
    });
    const jobs = new Jobs(1000);
    jobs.add(jobOf(true));
    jobs.add(jobOf(false));
    jobs.run(0, () => false);
    expect(done).toEqual(["false"]);
    expect([jobs.needsCommit, jobs.due(5)]).toEqual([true, 5]);
    jobs.run(5, () => true);
    expect([done.length, jobs.needsCommit, jobs.due(5)]).toEqual([2, false, Infinity]);
  });

  test("a job that fails is ended, and takes no other job of its account with it", () => {
    const done: string[] = [];
    const jobOf = (name: string, step: () => StepResult): Job => ({
      account: "one",
      needsCommit: false,
      isReady: () => true,
      fail: (error) => void done.push(`${name}: ${String(error)}`),
      end: () => {},
      step,
    });
    const jobs = new Jobs(1000);
    jobs.start(jobOf("first", bad), 0, true);
    jobs.add(jobOf("second", bad));
    jobs.add(jobOf("third", () => (done.push("third"), "done")));
    for (let now = 0; now < 3; now++) jobs.run(now, () => true);
    expect(done).toEqual(["first: Error: bad", "second: Error: bad", "third"]);
    expect(jobs.due(5)).toBe(Infinity);
  });
});
