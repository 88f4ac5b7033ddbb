// `npm start`: Tickertape on this machine, with a demo feed. On a fresh machine there are no packages yet, so this file
// uses none, on any Node from 20 on. It installs them, and then run.mjs may use them.
import { parseArgs } from "node:util";
import { install } from "./install.mjs";

const HELP = `Starts Tickertape on this machine, with a demo feed. Options follow "npm start --".

  --port N     the port, also by the variable PORT; otherwise 8787, or the next free one
  --no-demo    without the demo feed
  --help       this text
`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: "string" },
      "no-demo": { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  const port = values.port ?? process.env["PORT"];
  if (port && !(Number.isInteger(Number(port)) && Number(port) > 0 && Number(port) < 65_536)) {
    throw new Error(`not a port: ${port}`);
  }
  return { port: port ? Number(port) : undefined, demo: !values["no-demo"], help: values.help };
}

try {
  const options = readOptions();
  if (options.help) process.stdout.write(HELP);
  else {
    await install();
    const { run } = await import("./run.mjs");
    process.exitCode = await run(options);
  }
} catch (error) {
  console.error(`npm start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
process.exit();
