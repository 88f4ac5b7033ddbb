import { OF_THE_EDGE } from "./breaks/access.ts";
import { OF_THE_CLIENTS } from "./breaks/clients.ts";
import { OF_THE_OBJECT } from "./breaks/durable.ts";
import { OF_THE_FANOUT } from "./breaks/fanout.ts";
import { OF_FIELDS } from "./breaks/fields.ts";
import { OF_THE_FEED } from "./breaks/feed.ts";
import { OF_REPLICAS } from "./breaks/replicas.ts";
import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  ...OF_THE_FEED,
  ...OF_THE_FANOUT,
  ...OF_FIELDS,
  ...OF_THE_OBJECT,
  ...OF_THE_EDGE,
  ...OF_THE_CLIENTS,
  ...OF_REPLICAS,
];
