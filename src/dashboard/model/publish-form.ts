import { isJsonObject, parseJson } from "../../protocol/json.ts";
import { keyProblem } from "../../protocol/names.ts";

/** What somebody filled in. */
export interface PublishFields {
  readonly key: string;
  readonly change: string;
  /** JSON text; of no interest for `delete`. */
  readonly value: string;
}

export type ReadUpdate =
  | { readonly ok: true; readonly body: string }
  | { readonly ok: false; readonly field: "key" | "value"; readonly problem: string };

/**
 * Makes the body of what was filled in, or says which field is wrong. All else is for the server to judge, so the value
 * goes out as it was written: read and written again, `1e999` would be `null`, and remove the member.
 */
export function readUpdate({ key, change, value }: PublishFields): ReadUpdate {
  const problem = keyProblem(key);
  if (problem !== undefined) return { ok: false, field: "key", problem: `The key ${problem}.` };
  if (change === "delete") return { ok: true, body: JSON.stringify({ key, delete: true }) };
  const parsed = parseJson(value);
  if (!parsed.ok) return { ok: false, field: "value", problem: `As JSON, ${parsed.reason}.` };
  if (!isJsonObject(parsed.value))
    return { ok: false, field: "value", problem: "The value has to be a JSON object: {…}" };
  const member = change === "set" ? "set" : "patch";
  return { ok: true, body: `{"key":${JSON.stringify(key)},"${member}":${value}}` };
}
