import type { PublishRefusal } from "../durable/requests/publish-queue.ts";
import type { VetPublish } from "../durable/serving/options.ts";
import { issuesOf, pathOf, type StandardSchema } from "../declared/standard-schema.ts";
import type { ValueCheck } from "../feed/state/feed-rules.ts";
import { LIMITS } from "../protocol/limits.ts";
import { readEncodedUpdate } from "../protocol/update.ts";
import type { Update } from "../protocol/published.ts";
import type { PublishContext } from "./types.ts";

/** A schema as the feed asks it. One that throws refuses what it was asked of: nothing unchecked may pass. */
export function checkBy(schema: StandardSchema, feed: string): ValueCheck {
  return (value) => {
    try {
      return issuesOf(schema, value)
        .slice(0, LIMITS.reportedIssues)
        .map((issue) => ({ path: shortened(pathOf(issue)), message: shortened(issue.message) }));
    } catch (error) {
      console.error(`tickertape: the schema of the feed ${feed} failed`, error);
      return [{ path: "", message: "cannot be checked: the feed's schema failed" }];
    }
  };
}

/** Libraries quote what they were given, which may be all of a value. */
function shortened(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST).toWellFormed()}...`;
}

/** Characters of one issue's path, and of its message. */
const LONGEST = 256;

const FAILED: PublishRefusal = {
  ok: false,
  code: "overloaded",
  detail: "The feed's own rules failed. Nothing was changed.",
};

/** The operator's own rules as the feed asks them. */
export function vetBy(
  onPublish: (update: Update, context: PublishContext) => string | undefined,
  feed: string,
): VetPublish {
  return (texts, subject) => {
    const issues = [];
    for (const [index, text] of texts.entries()) {
      const update = readEncodedUpdate(text);
      let reason: unknown;
      try {
        reason = onPublish(update, { feed, key: update.key, subject });
      } catch (error) {
        console.error(`tickertape: onPublish failed for the feed ${feed}`, error);
        return FAILED;
      }
      if (typeof reason === "string") issues.push({ index, path: "", message: reason });
      else if (reason !== undefined) {
        console.error(`tickertape: onPublish returned neither a string nor undefined for the feed ${feed}`);
        return FAILED;
      }
      if (issues.length === LIMITS.reportedIssues) break;
    }
    return issues.length === 0 ? undefined : { ok: false, code: "invalid_update", issues };
  };
}
