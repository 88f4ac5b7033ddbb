import { plant, type Mutant } from "../mutant.ts";

/** Who may do what, how much, and the wire. */
export const OF_THE_EDGE: readonly Mutant[] = [
  ...plant(
    "src/access/scopes.ts",
    "workerd",
    ["test/access/scopes.test.ts"],
    [
      [
        "access: admin in a token for elsewhere counts",
        'const admin = certain && words.includes("admin");',
        'const admin = words.includes("admin");',
      ],
      [
        "access: publish:a grants subscribe",
        'const subscribe = feedsFor("subscribe");',
        'const subscribe = feedsFor("publish");',
      ],
    ],
  ),
  ...plant(
    "src/access/jwt.ts",
    "workerd",
    ["test/access/tokens.test.ts"],
    [["access: an expired token is good", 'if (left <= 0) return "expired";', ""]],
  ),
  ...plant(
    "src/access/credentials.ts",
    "workerd",
    ["test/http/access.test.ts", "test/http/read-access.test.ts"],
    [
      [
        "access: everyone may read a private feed",
        "subscribe: granted.subscribe || isPublic(rules)",
        "subscribe: true",
      ],
    ],
  ),
  ...plant(
    "src/access/credentials.ts",
    "declared",
    ["test/worker/declared-feeds.test.ts"],
    [
      [
        "declared: a key publishes to what only code publishes to",
        'granted.publish && (rules.publish !== "code" || admin)',
        "granted.publish",
      ],
      ["declared: one public feed makes all readable", "declared(feed) ?? {}", "all[0] ?? {}"],
    ],
  ),
  ...plant(
    "src/http/origins.ts",
    "declared",
    ["test/worker/own-code.test.ts"],
    [
      [
        "sign-in: any page acts for its visitors where all origins are allowed",
        "|| listed(deployment).includes(origin);",
        '|| listed(deployment).includes(origin) || listed(deployment).includes("*");',
      ],
    ],
  ),
  ...plant(
    "src/feed/state/batch-draft.ts",
    "declared",
    ["test/worker/declared-feeds.test.ts"],
    [
      [
        "declared: a patch is not checked",
        "if (!check || draft.text === undefined",
        'if (!check || draft.change !== "set" || draft.text === undefined',
      ],
    ],
  ),
  ...plant(
    "src/feed/state/feed.ts",
    "declared",
    ["test/worker/declared-feeds.test.ts"],
    [["declared: an update's own ttl does not count", "update.ttl !== undefined || ", ""]],
  ),
  ...plant(
    "src/durable/live-feed.ts",
    "declared",
    ["test/worker/own-code.test.ts"],
    [["declared: one's own rules are not asked", "if (refusal) return refusal;", "void refusal;"]],
  ),
  ...plant(
    "src/http/origins.ts",
    "workerd",
    ["test/http/origins.test.ts"],
    [
      [
        "access: a page of any origin may subscribe",
        'listed(deployment).includes("*");',
        "listed(deployment).length > 0;",
      ],
    ],
  ),
  ...plant(
    "src/limits/places.ts",
    "workerd",
    ["test/limits/places.test.ts"],
    [
      [
        "limits: one client IP takes one socket too many",
        "this.#byIp.of(clientIp) >= this.#perIp",
        "this.#byIp.of(clientIp) > this.#perIp",
      ],
      [
        "limits: all places may be taken without a key",
        'if (kind !== "key" && this.#anonymous + this.#tokens >= this.#share(WITHOUT_KEY)) return "overloaded";',
        "",
      ],
    ],
  ),
  ...plant(
    "src/limits/token-bucket.ts",
    "workerd",
    ["test/limits/quotas.test.ts", "test/durable/sockets/quotas.test.ts"],
    [["limits: a rate never runs out", "if (wait === 0) this.#tokens -= tokens;", ""]],
  ),
  ...plant(
    "src/feed/fanout/catch-up/snapshots.ts",
    "workerd",
    ["test/http/event-stream.test.ts", "test/feed/fanout/convergence.test.ts"],
    [
      [
        "SSE: a part of a snapshot has an id",
        "isLast ? { epoch: list.epoch, seq: list.seq } : undefined",
        "{ epoch: list.epoch, seq: list.seq }",
      ],
    ],
  ),
  ...plant(
    "src/durable/sockets/frames.ts",
    "workerd",
    ["test/durable/sockets/frames.test.ts", "test/http/long-poll.test.ts"],
    [["long poll: ends though nothing has changed", "message.isEmpty ? undefined : CHANGED", "CHANGED"]],
  ),
  ...plant(
    "src/http/publish-body.ts",
    "workerd",
    ["test/http/body-steps.test.ts"],
    [["bodies: a long line is counted twice", "work = Math.max(0, work - step.value);", ""]],
  ),
];
