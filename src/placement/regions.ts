/**
 * Where a Durable Object may be asked to live: the platform's location hints, each with about the middle of where its
 * people are (degrees of latitude and longitude).
 */
const PLACES = {
  wnam: [38, -120],
  enam: [40, -78],
  sam: [-20, -48],
  weur: [50, 4],
  eeur: [50, 24],
  apac: [22, 110],
  oc: [-33, 149],
  afr: [-10, 28],
  me: [27, 48],
} as const satisfies Record<string, readonly [latitude: number, longitude: number]>;

export type Region = keyof typeof PLACES;

export const REGIONS = Object.keys(PLACES).filter(isRegion);

export function isRegion(text: string): text is Region {
  return Object.hasOwn(PLACES, text);
}

/** What the platform knows of where a request comes from, as in `request.cf`. */
export interface Whereabouts {
  /** Two letters. */
  readonly continent?: string | undefined;
  /** Degrees, as text. */
  readonly latitude?: string | undefined;
  readonly longitude?: string | undefined;
}

/** The region that serves most of a continent, where nothing more is known of a caller. */
const OF_CONTINENT: Readonly<Record<string, Region>> = {
  AF: "afr",
  AN: "oc",
  AS: "apac",
  EU: "weur",
  NA: "enam",
  OC: "oc",
  SA: "sam",
};

/** Of some regions, the nearest to where a request comes from. The first if that is not known, as on a developer's machine. */
export function nearestRegion(regions: readonly Region[], from: Whereabouts | undefined): Region | undefined {
  const here = placeOf(from);
  if (!here) return regions[0];
  let nearest: Region | undefined;
  let least = Infinity;
  for (const region of regions) {
    const distance = distanceBetween(PLACES[region], here);
    if (distance < least) [nearest, least] = [region, distance];
  }
  return nearest;
}

function placeOf(from: Whereabouts | undefined): readonly [number, number] | undefined {
  const [latitude, longitude] = [degrees(from?.latitude), degrees(from?.longitude)];
  if (latitude !== undefined && longitude !== undefined) return [latitude, longitude];
  const region = OF_CONTINENT[from?.continent ?? ""];
  return region && PLACES[region];
}

function degrees(text: string | undefined): number | undefined {
  const number = Number(text);
  return text === undefined || text.trim() === "" || !Number.isFinite(number) ? undefined : number;
}

/** The angle between two places, in radians. */
function distanceBetween([lat1, lon1]: readonly [number, number], [lat2, lon2]: readonly [number, number]): number {
  const [a, b, across] = [radians(lat1), radians(lat2), radians(lon1 - lon2)];
  return Math.acos(Math.min(1, Math.sin(a) * Math.sin(b) + Math.cos(a) * Math.cos(b) * Math.cos(across)));
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
