import type { Region, Whereabouts } from "../../src/placement/regions.ts";

/**
 * Round trips between regions, in milliseconds: the medians between data centres of Azure in July 2025, as Microsoft publishes
 * them (learn.microsoft.com/azure/networking/azure-network-latency). Taken are West US, East US, Brazil South, West
 * Europe, Poland Central, Southeast Asia, Australia East, South Africa North and UAE North. Cloudflare publishes no such table.
 */
const ROUND_TRIPS: Readonly<Record<Region, readonly number[]>> = {
  wnam: [0, 73, 176, 153, 170, 171, 140, 273, 252],
  enam: [71, 0, 117, 83, 101, 222, 198, 217, 183],
  sam: [176, 119, 0, 186, 202, 332, 298, 319, 285],
  weur: [153, 85, 186, 0, 23, 161, 251, 165, 123],
  eeur: [170, 102, 202, 22, 0, 173, 263, 178, 135],
  apac: [171, 224, 332, 160, 173, 0, 94, 180, 82],
  oc: [141, 199, 299, 250, 263, 94, 0, 270, 172],
  afr: [274, 218, 319, 164, 178, 180, 269, 0, 102],
  me: [252, 184, 284, 122, 134, 82, 172, 103, 0],
};
const ORDER = Object.keys(ROUND_TRIPS);
/** The same within a region: Amsterdam to Paris is 15 in that table, Virginia to Illinois 19. */
const WITHIN = 16;

/** Milliseconds one way. */
export function oneWay(from: Region, to: Region): number {
  return (from === to ? WITHIN : (ROUND_TRIPS[from][ORDER.indexOf(to)] ?? 0)) / 2;
}

/** Where the people are: an assumption. Parts of all, and a place as the platform tells it. */
export const PEOPLE: readonly (Whereabouts & { readonly region: Region; readonly part: number })[] = [
  { region: "apac", part: 0.24, latitude: "1.3", longitude: "103.8" },
  { region: "weur", part: 0.2, latitude: "52.4", longitude: "4.9" },
  { region: "enam", part: 0.18, latitude: "37.4", longitude: "-79" },
  { region: "wnam", part: 0.1, latitude: "37.4", longitude: "-122" },
  { region: "sam", part: 0.08, latitude: "-23.5", longitude: "-46.6" },
  { region: "eeur", part: 0.08, latitude: "52.2", longitude: "21" },
  { region: "me", part: 0.05, latitude: "25.3", longitude: "55.3" },
  { region: "afr", part: 0.04, latitude: "-26.2", longitude: "28" },
  { region: "oc", part: 0.03, latitude: "-33.9", longitude: "151.2" },
];
