import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const EXPORTED = /\b([\w$]+) as default\b/;

/** Changes a built Worker so that its wall clock can be set: `POST /clock` with how many milliseconds it is ahead. */
export async function makeClockSettable(build: string): Promise<void> {
  const path = join(build, "index.js");
  const code = await readFile(path, "utf8");
  const worker = EXPORTED.exec(code)?.[1];
  if (worker === undefined) throw new Error("the Worker has no default export");
  const settable = `
let clockIsAhead = 0;
const rightTime = Date.now.bind(Date);
Date.now = () => rightTime() + clockIsAhead;
const workerOfSettableClock = {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname !== "/clock") return ${worker}.fetch(request, env, context);
    clockIsAhead = Number(await request.text());
    return new Response();
  },
};
`;
  await writeFile(path, `${code.replace(EXPORTED, "workerOfSettableClock as default")}\n${settable}`);
}
