import { formatPosition, type Position } from "./position.ts";

/**
 * A message as a server-sent event. `position` becomes its `id`: where a client resumes that has lost its stream. Without
 * one the client keeps the `id` from before.
 */
export function encodeEvent(type: string, message: string, position?: Position): string {
  const id = position ? `id: ${formatPosition(position)}\n` : "";
  return `event: ${type}\n${id}data: ${message}\n\n`;
}
