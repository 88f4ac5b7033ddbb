import { PublishRefusedError } from "./errors.ts";
import type { Receipt, UpdateIssue } from "./types.ts";

type Answer = Readonly<Record<string, unknown>>;

/** The object that a JSON text is; an empty one for any other text. */
export function asObject(text: string): Answer {
  try {
    return toObject(JSON.parse(text));
  } catch {
    return {};
  }
}

function toObject(value: unknown): Answer {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

export function receiptOf({ feed, epoch, seq, accepted, stale }: Answer): Receipt | undefined {
  if (typeof feed !== "string" || typeof epoch !== "string" || typeof seq !== "number") return undefined;
  if (typeof accepted !== "number" || typeof stale !== "number") return undefined;
  return { feed, epoch, seq, accepted, stale };
}

/** Reads problem+json, or whatever else came with the status. */
export function refusalOf(status: number, answer: Answer): PublishRefusedError {
  const code = textOf(answer["code"]);
  const found = Array.isArray(answer["issues"]) ? answer["issues"].map(toIssue) : [];
  const issues = found.filter((issue) => issue !== undefined);
  // A redirect that a browser did not follow has no status.
  const parts = [status || "a redirect", code, textOf(answer["detail"]), issues[0] && explain(issues[0])];
  return new PublishRefusedError(parts.filter(Boolean).join(" "), status, code, issues);
}

function explain({ index, path, message }: UpdateIssue): string {
  return `[${index}] ${path} ${message}`;
}

function toIssue(value: unknown): UpdateIssue | undefined {
  const { index, path, message } = toObject(value);
  if (typeof index !== "number" || typeof path !== "string" || typeof message !== "string") return undefined;
  return { index, path, message };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
