import type { Fields } from "../../protocol/fields.ts";
import { NotedMembers } from "../../protocol/members.ts";
import type { CutValue } from "../state/accepted-update.ts";
import { COST, type WorkMeter } from "./work.ts";

/** What it costs to note where the members of a value are, for each character. */
const NOTING = 3;

/** Cuts values to fields, for all who read a feed: what many have cut is looked through only twice. */
export class Cutter {
  readonly #noted = new NotedMembers();

  /** How values are cut; undefined if all fields are selected. Adds to `meter` what it takes. */
  to(fields: Fields | undefined, meter: WorkMeter): CutValue | undefined {
    if (!fields) return undefined;
    return (value) => {
      const members = this.#noted.find(value, () => (meter.work += NOTING * value.length));
      meter.work += members ? fields.size * COST.key : value.length;
      return members ? members.cut(fields.written) : fields.cut(value);
    };
  }
}
