import { CLOSE, CLOSE_MEANINGS } from "../protocol/codes.ts";
import { CLIENT_MESSAGES } from "../protocol/client-messages.ts";
import { CREDENTIALS, OF_A_SOCKET, OF_A_SUBSCRIBER, PARAMETERS } from "../protocol/parameters.ts";
import { namesOf } from "../protocol/schemas.ts";
import { SERVER_MESSAGES } from "../protocol/server-messages.ts";
import { aboutSchema, messageSchemas, namedSchemas, objectOf, withJsonSchemas, type JsonSchema } from "./schemas.ts";
import { namedValueSchemas, valuesOfFeeds, type ValueSchemas } from "./value-schemas.ts";

/** How a socket is closed, and whether a client may come back unchanged. */
const CLOSE_CODES: JsonSchema[] = [
  { code: 1001, description: "The other side goes away: come back.", comeBack: true },
  ...namesOf(CLOSE).map((name) => {
    const [description, comeBack] = CLOSE_MEANINGS[name];
    return { code: CLOSE[name], description, comeBack };
  }),
].toSorted((a, b) => a.code - b.code);

/** The two that are bare text. */
const TEXTS = {
  ping: "Bare text. The answer is `pong`, and a hibernating feed does not wake.",
  pong: "Answers `ping`.",
} as const;

const IN_A_STREAM = ["hello", "snapshot", "update", "error"];
const TO_SUBSCRIBERS = ["hello", "snapshot", "update"];

/** The messages that answer each message of a client. */
const ANSWERS: Readonly<Record<keyof typeof CLIENT_MESSAGES | "ping", readonly string[]>> = {
  subscribe: ["snapshot", "error"],
  publish: ["receipt", "error"],
  auth: ["authorized", "error"],
  ack: ["error"],
  ping: ["pong"],
};

/**
 * The AsyncAPI 3.0 document of sockets and streams. `base` is the path that it is served under. The document names no
 * server: behind a proxy the Worker does not know its own URL, and AsyncAPI has no relative ones.
 */
export function asyncApi(base: string, values: ValueSchemas = new Map()): JsonSchema {
  const messages = messageObjects();
  const known = withJsonSchemas({ ...PARAMETERS, ...OF_A_SOCKET });
  const query: JsonSchema = {
    type: "object",
    properties: {
      ...Object.fromEntries(
        [...OF_A_SUBSCRIBER, ...namesOf(OF_A_SOCKET)].map((name) => [name, known[name]?.["schema"] ?? {}]),
      ),
      token: { type: "string", description: CREDENTIALS.token.description },
    },
  };
  const headers: JsonSchema = {
    type: "object",
    properties: Object.fromEntries(
      [CREDENTIALS.authorization, PARAMETERS.subprotocol].map(({ name, description }) => [
        name,
        { type: "string", description },
      ]),
    ),
  };
  return {
    asyncapi: "3.0.0",
    ...valuesOfFeeds(values),
    info: {
      title: "Tickertape",
      version: "1.0.0",
      description:
        "One URL per feed. `tickertape.v1` is JSON in text frames. `tickertape.v1.msgpack` is the same messages as MessagePack " +
        "in binary frames; a message with a member called `__proto__` comes as JSON in a text frame. Clients ignore members " +
        "and types that they do not know.",
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    channels: {
      socket: channel(base, "A WebSocket", Object.keys(messages), {
        "x-close-codes": CLOSE_CODES,
        bindings: { ws: { method: "GET", query, headers, bindingVersion: "0.1.0" } },
      }),
      stream: channel(base, "A stream of Server-Sent Events", IN_A_STREAM, {
        description:
          "`event:` is the type of the message, `data:` the message, `id:` the position after it. `Last-Event-ID` resumes from there.",
      }),
    },
    operations: {
      deliver: operation("send", "socket", TO_SUBSCRIBERS, "Deliver to a subscriber"),
      stream: operation("send", "stream", IN_A_STREAM, "Deliver to a subscriber as Server-Sent Events"),
      ...Object.fromEntries(
        Object.entries(ANSWERS).map(([name, answers]) => [
          name,
          {
            ...operation("receive", "socket", [name], messages[name]?.["summary"] ?? ""),
            reply: {
              channel: { $ref: "#/channels/socket" },
              messages: answers.map((answer) => ({ $ref: `#/channels/socket/messages/${answer}` })),
            },
          },
        ]),
      ),
    },
    components: { messages, schemas: { ...used(namedSchemas(), [messages, query]), ...namedValueSchemas(values) } },
  };
}

function messageObjects(): Record<string, JsonSchema> {
  const schemas = messageSchemas();
  const messages: Record<string, JsonSchema> = {};
  for (const [name, schema] of Object.entries({ ...SERVER_MESSAGES, ...CLIENT_MESSAGES })) {
    const { description: summary, example } = aboutSchema(schema);
    const { description: _, examples: __, ...payload } = objectOf(schemas[name]);
    const about = { name, title: name, summary, contentType: "application/json", payload };
    const correlationId = { location: "$message.payload#/id" };
    messages[name] = { ...about, correlationId, examples: [{ payload: example }] };
  }
  for (const [name, summary] of Object.entries(TEXTS)) {
    const about = { name, title: name, summary, contentType: "text/plain" };
    messages[name] = { ...about, payload: { const: name }, examples: [{ payload: name }] };
  }
  return messages;
}

/** The schemas that the messages refer to, or that one of these refers to. */
function used(schemas: JsonSchema, messages: unknown): JsonSchema {
  const text = JSON.stringify(messages);
  const names = Object.keys(schemas).filter((name) => text.includes(`schemas/${name}"`));
  const found = Object.fromEntries(names.map((name) => [name, schemas[name] ?? {}]));
  const isWhole = names.every((name) => text.includes(JSON.stringify(schemas[name])));
  return isWhole ? found : used(schemas, [messages, found]);
}

function channel(base: string, title: string, messages: readonly string[], more: JsonSchema): JsonSchema {
  return {
    address: `${base}/v1/feeds/{feed}`,
    title,
    parameters: { feed: { description: "The feed's name.", examples: ["stocks"] } },
    messages: Object.fromEntries(messages.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
    ...more,
  };
}

function operation(
  action: string,
  channel: string,
  messages: readonly string[],
  summary: JsonSchema[string],
): JsonSchema {
  return {
    action,
    summary,
    channel: { $ref: `#/channels/${channel}` },
    messages: messages.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` })),
  };
}
