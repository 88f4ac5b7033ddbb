import { spawn } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pause } from "../load/clock.ts";
import type { Target } from "./target.ts";
import { freePort } from "../../e2e/support/workerd.ts";

const MODULES = ["/usr/lib/nginx/modules", "/usr/share/nginx/modules", "/usr/lib64/nginx/modules"];
const MODULE = "ngx_nchan_module.so";
const NGINX = "nginx";

/** nginx with the nchan module, from the system's packages: on Debian `nginx` and `libnginx-mod-nchan`. */
export const nchan: Target = {
  name: "nchan",
  isInstalled: async () => (await findModule()) !== undefined,
  async start(lab) {
    const folder = await lab.folder("nginx");
    const port = await freePort();
    const config = join(folder, "nginx.conf");
    await writeFile(config, nginxConfig((await findModule()) ?? "", folder, port));
    const child = spawn(NGINX, ["-p", folder, "-c", config, "-e", join(folder, "error.log")], { stdio: "ignore" });
    // nginx ends its worker only if it gets this signal.
    lab.track(child, "SIGTERM");
    const pid = child.pid ?? 0;
    await answers(port);
    return {
      pids: async () => [pid, ...(await children(pid))],
      publish: { port, path: "/publish", headers: {} },
      subscribe: { port, path: "/subscribe" },
      async stop() {
        await lab.end(child);
        await lab.discard(folder);
      },
    };
  },
};

/** One worker: a second one delivered no more on two cores that it shares with the generator. */
function nginxConfig(module: string, folder: string, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `load_module ${module};
daemon off;
${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log error;
events { worker_connections 16384; }
http {
  access_log off;
  keepalive_requests 1000000;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(" ")}
  nchan_shared_memory_size 512M;
  server {
    listen 127.0.0.1:${port};
    location = /publish { nchan_publisher; nchan_channel_id bench; nchan_message_timeout 30s; }
    location = /subscribe { nchan_subscriber websocket; nchan_channel_id bench; nchan_subscriber_first_message newest; }
    location = /healthz { return 200 "ok"; }
  }
}
`;
}

async function findModule(): Promise<string | undefined> {
  for (const folder of MODULES) {
    const names = await readdir(folder).catch((): string[] => []);
    if (names.includes(MODULE)) return join(folder, MODULE);
  }
  return undefined;
}

async function children(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

async function answers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
    if (response?.ok) return;
    await pause(50);
  }
  throw new Error("nginx did not start");
}
