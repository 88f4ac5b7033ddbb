import { expect } from "vitest";
import { parsePosition } from "../../../src/protocol/position.ts";
import type { SnapshotBody } from "../../support/api.ts";
import type { Message } from "../../support/view.ts";
import type { CarriedView } from "./carried-view.ts";

/** What an answer to a reader says, as the message that it is or stands for; nothing where the reader has it all. */
export async function messageOf(
  response: Response,
  { position }: CarriedView,
  isPlain: boolean,
): Promise<Message | undefined> {
  if (response.status === 304) return undefined;
  if (response.status === 204) {
    // Nothing that it selects has changed up to the position that is named.
    const reached = parsePosition(response.headers.get("ETag")?.slice(1, -1) ?? "");
    expect(reached?.epoch).toBe(position?.epoch);
    return { type: "update", from: position!.seq, seq: reached!.seq, updates: [] };
  }
  expect(response.status).toBe(200);
  if (!isPlain) return response.json();
  const { epoch, seq, entries } = await response.json<SnapshotBody>();
  return { type: "snapshot", reason: "initial", epoch, seq, entries };
}
