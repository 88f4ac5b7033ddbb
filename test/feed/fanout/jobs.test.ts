import { describe, expect, test } from "vitest";
import { Jobs, type Job, type StepResult } from "../../../src/feed/fanout/catch-up/jobs.ts";

function fails(): never {
  throw new Error("bad");
}

function jobOf(job: Partial<Job>): Job {
  return {
    account: "one",
    needsCommit: false,
    isReady: () => true,
    fail: () => {},
    end: () => {},
    step: (): StepResult => "done",
    ...job,
  };
}

describe("[STEP1] [I7] long work is done in steps", () => {
  test("by turns of the accounts, so that an account that asks for much waits alone", () => {
    const done: string[] = [];
    const add = (account: string, after: StepResult): void => {
      const step: Job["step"] = (_, meter) => {
        meter.work += 40;
        done.push(account);
        return after;
      };
      jobs.add(jobOf({ account, step }));
    };
    const jobs = new Jobs(1000);
    for (let i = 0; i < 10; i++) add("greedy", "more");
    add("honest", "more");
    jobs.run(0, () => true);
    expect(done.slice(0, 4)).toEqual(["greedy", "honest", "greedy", "honest"].slice(0, done.length));
    expect(done.length, "a run has an end").toBeLessThan(30);
  });

  test("a job that needs a commit waits for it, and others go on", () => {
    const done: boolean[] = [];
    const jobs = new Jobs(1000);
    for (const needsCommit of [true, false]) {
      const step = (): StepResult => (done.push(needsCommit), "done");
      jobs.add(jobOf({ account: String(needsCommit), needsCommit, step }));
    }
    jobs.run(0, () => false);
    expect(done).toEqual([false]);
    expect([jobs.needsCommit, jobs.due(5)]).toEqual([true, 5]);
    jobs.run(5, () => true);
    expect([done.length, jobs.needsCommit, jobs.due(5)]).toEqual([2, false, Infinity]);
  });

  test("a job that fails is ended, and takes no other job of its account with it", () => {
    const done: string[] = [];
    const bad = (name: string): Job =>
      jobOf({ step: fails, fail: (error) => void done.push(`${name}: ${String(error)}`) });
    const jobs = new Jobs(1000);
    jobs.start(bad("first"), 0, true);
    jobs.add(bad("second"));
    jobs.add(jobOf({ step: () => (done.push("third"), "done") }));
    for (let now = 0; now < 3; now++) jobs.run(now, () => true);
    expect(done).toEqual(["first: Error: bad", "second: Error: bad", "third"]);
    expect(jobs.due(5)).toBe(Infinity);
  });
});
