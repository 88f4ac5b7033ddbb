import { missingIn, settingsLost, usesTickertape } from "./needs.ts";
import { readWranglerConfig } from "./wrangler-config.ts";

/** What a folder's wrangler config lacks, a sentence each; nothing for a folder that has no Tickertape. */
export function configFaults(folder: string): string[] {
  const config = readWranglerConfig(folder);
  if (!config || !usesTickertape(config.value)) return [];
  const missing = missingIn(config).map(({ path, why }) => {
    const inherited = path[0] === "env" ? `; the environment ${path[1]} inherits none` : "";
    return `${config.name} lacks ${why} (${path.join(".")})${inherited}: tickertape init adds them.`;
  });
  return [...missing, ...settingsLost(config)];
}
