// Publishes how busy this machine is, once a second, until it is told to end. What the server does not get because it is
// away is not lost: the latest of it is published when it is back.
import { freemem, hostname, loadavg, totalmem } from "node:os";
import { createPublisher } from "@tickertape/feed/publisher";

const { TICKERTAPE_URL: url = "http://127.0.0.1:8787", PUBLISH_KEY: key } = process.env;
if (!key) {
  console.error("PUBLISH_KEY is not set");
  process.exit(1);
}

const publisher = createPublisher({ url, feed: "machines", key });
publisher.on("status", (status) => console.log(status.state, "reason" in status ? status.reason : ""));
publisher.on("error", (error) => console.error(error.message));

function publish() {
  const [load = 0] = loadavg();
  const used = 1 - freemem() / totalmem();
  publisher.send({
    key: hostname(),
    set: { load: Number(load.toFixed(2)), memory: Number(used.toFixed(3)) },
    time: Date.now(),
    // A machine that says nothing for so many seconds is gone.
    ttl: 30,
  });
}

publish();
const timer = setInterval(publish, 1000);
console.log(`Publishing to ${url}/?feed=machines`);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    clearInterval(timer);
    // What was sent is durable before the process ends.
    await publisher.close();
  });
}
