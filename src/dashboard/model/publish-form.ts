import { isJsonObject, parseJson } from "../../protocol/json.ts";
import { keyProblem } from "../../protocol/names.ts";
import { formatPosition } from "../../protocol/position.ts";
import type { Receipt } from "../../protocol/server-messages.ts";

/** What the reader filled in. */
export interface PublishFields {
  readonly key: string;
  readonly change: string;
  /** JSON text. Not used for `delete`. */
  readonly value: string;
}

export type ReadFields =
  | { readonly ok: true; readonly body: string }
  | { readonly ok: false; readonly field: "key" | "value"; readonly problem: string };

/**
 * Turns the fields into a body to publish, or says which field is wrong. The server judges everything else, so the value
 * is sent as it was written. If it were parsed and written again, `1e999` would become `null`, which removes a member.
 */
export function readUpdate({ key, change, value }: PublishFields): ReadFields {
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

/** What a receipt says, for people. */
export function receiptText(receipt: Receipt): string {
  const position = formatPosition(receipt);
  return receipt.stale === 1
    ? `Stale: not applied, its version is not above the key's last one. The feed stands at ${position}.`
    : `Published, and durable at ${position}.`;
}
