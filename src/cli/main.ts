#!/usr/bin/env node
import { EXIT } from "./failure.ts";
import { endIfPipeCloses } from "./output.ts";
import { run } from "./program.ts";

endIfPipeCloses();
process.exitCode = await run(process.argv.slice(2));
// What an interrupted command had begun may go on for a while, and nobody waits for it.
if (process.exitCode === EXIT.interrupted) process.exit();
