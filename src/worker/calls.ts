import type { PublishOutcome } from "../durable/requests/publish-queue.ts";
import type { Deployment } from "../http/deployment.ts";
import { KnownFeeds } from "../http/known-feeds.ts";
import { callToChange } from "../http/problem.ts";
import { encodeUpdates } from "../http/publish.ts";
import type { ReceiptAnswer } from "../protocol/answers.ts";
import { readOwnJson } from "../protocol/json.ts";
import { LIMITS } from "../protocol/limits.ts";
import { FEED_NAME_IN_WORDS, isFeedName } from "../protocol/names.ts";
import { parseSelection } from "../protocol/selection.ts";
import { RefusedError } from "./refused-error.ts";
import type { PublishOptions, ReadOptions, Snapshot } from "./types.ts";

/** The account of the Worker's own code. No credential has such an id. */
const ACCOUNT = "code";

/** Publishes to a feed of a deployment, as `Tickertape.publish` does. */
export async function publishByCode(
  { feeds, quotas }: Pick<Deployment, "feeds" | "quotas">,
  feed: string,
  updates: unknown,
  { idempotencyKey: key }: PublishOptions = {},
): Promise<ReceiptAnswer> {
  demandFeed(feed, quotas.serves);
  if (key !== undefined && (key.length < 1 || key.length > LIMITS.idempotencyKeyLength))
    throw new RangeError(`an idempotencyKey has 1 to ${LIMITS.idempotencyKeyLength} characters`);
  const batch = encode(updates);
  // As of a socket: what is published again is compared by its updates.
  const idempotency = key === undefined ? undefined : { key, digest: "", credential: ACCOUNT, principal: ACCOUNT };
  const object = feeds.getByName(feed);
  const outcome: string | PublishOutcome = await callToChange(() => object.acceptBatch(batch, ACCOUNT, idempotency));
  if (typeof outcome === "string") return readOwnJson<ReceiptAnswer>(outcome);
  if (outcome.ok) return { feed, ...outcome.receipt };
  const { code, detail = "No update of the batch was accepted.", issues, retryAfter } = outcome;
  throw new RefusedError(code, detail, { issues, retryAfter });
}

/** Checks updates as those of a POST are, and encodes them. */
function encode(updates: unknown): string {
  // As JSON writes it: with `toJSON`, and without members that are undefined.
  const text = JSON.stringify(updates);
  if (text === undefined) throw new TypeError("the updates cannot be written as JSON");
  const plain = readOwnJson(text);
  const steps = encodeUpdates(Array.isArray(plain) ? plain : [plain]);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

/** Reads a feed of a deployment, as `Tickertape.read` does. */
export async function readByCode<Value>(
  deployment: Pick<Deployment, "feeds" | "directory" | "quotas">,
  feed: string,
  { keys = [], fields = [] }: ReadOptions = {},
): Promise<Snapshot<Value>> {
  demandFeed(feed, deployment.quotas.serves);
  const selected = parseSelection([...keys], [...fields]);
  if (!selected.ok) throw new RangeError(selected.reason);
  // A feed that does not exist gets no object.
  if (!(await new KnownFeeds(deployment).exists(feed)))
    return { feed, epoch: "nothingyet", seq: 0, time: 0, entries: {} };
  const { selection } = selected;
  const outcome = await deployment.feeds.getByName(feed).read({
    selection: selection.patterns,
    fields: selection.fields?.id,
    mode: "latest",
    since: undefined,
    known: [],
    caller: { clientIp: undefined, kind: "key", credential: ACCOUNT },
  });
  if (!outcome?.body) throw new RefusedError("overloaded", "Too much of the feed is read at once.", { retryAfter: 2 });
  // It is what `GET` answers.
  return new Response(outcome.body).json<Snapshot<Value>>();
}

function demandFeed(feed: string, serves: (feed: string) => boolean): void {
  if (!isFeedName(feed)) throw new RangeError(`a feed's name is ${FEED_NAME_IN_WORDS}`);
  if (!serves(feed)) throw new RefusedError("not_found", `No feed is called ${feed} here.`);
}
