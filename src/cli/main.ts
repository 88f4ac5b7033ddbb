#!/usr/bin/env node
import { endIfPipeCloses } from "./output.ts";
import { run } from "./program.ts";

endIfPipeCloses();
process.exitCode = await run(process.argv.slice(2));
