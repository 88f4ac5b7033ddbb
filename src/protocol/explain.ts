import type { BaseIssue } from "valibot";

/** Where a schema's issue is: `keys[1]`, `patch.price`; "" is the whole input. */
export function issuePath(issue: BaseIssue<unknown>): string {
  let path = "";
  for (const item of issue.path ?? []) {
    path += typeof item.key === "number" ? `[${item.key}]` : `${path === "" ? "" : "."}${String(item.key)}`;
  }
  return path;
}

/** What a schema's issue says. The schemas' own messages stand; the library's wording is replaced where they have none. */
export function issueReason(issue: BaseIssue<unknown>): string {
  if (issue.type !== "strict_object") return issue.message;
  return issue.expected === "never" ? "is not a known member" : "is missing";
}
