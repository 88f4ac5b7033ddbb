import { CLOSE } from "../protocol/codes.ts";
import { MESSAGE_SCHEMAS } from "./answers.ts";
import { CLIENT_MESSAGES } from "./client-messages.ts";
import type { JsonSchema } from "./json-schema.ts";
import { NAMES } from "./names.ts";
import { PARAMETERS, SUBPROTOCOLS } from "./parameters.ts";
import { PROBLEM_SCHEMAS } from "./problems.ts";
import { SERVER_MESSAGES, type Described } from "./server-messages.ts";
import { UPDATE_SCHEMAS } from "./updates.ts";

const CLOSED: Readonly<Record<keyof typeof CLOSE, [description: string, comeBack: boolean]>> = {
  normal: ["The client's close is answered.", true],
  tooLarge: ["A message was too large.", false],
  restart: ["The server restarts: come back.", true],
  badMessages: ["Too many bad messages in a row.", false],
  unauthorized: ["The credential is missing, not valid, or has expired.", false],
  forbidden: ["It is not allowed.", false],
  removed: ["The feed was removed.", false],
  tooMuch: ["Too much: come back later.", true],
  overloaded: ["The server has too much to do, or the client takes nothing: come back later.", true],
};

/** How a socket is closed, and whether it makes sense to come back unchanged. */
const CLOSE_CODES: JsonSchema[] = [
  { code: 1001, description: "The other side goes away: come back.", comeBack: true },
  ...Object.entries(CLOSED).map(([name, [description, comeBack]]) => ({
    code: Object.entries(CLOSE).find(([other]) => other === name)?.[1] ?? 0,
    description,
    comeBack,
  })),
].toSorted((a, b) => a.code - b.code);

const PONG: Described = {
  summary: "Answers `ping`.",
  schema: { const: "pong" },
  example: "pong",
};
const MESSAGES: Readonly<Record<string, Described>> = { ...SERVER_MESSAGES, ...CLIENT_MESSAGES, pong: PONG };
const IN_A_STREAM = ["hello", "snapshot", "update", "error"];
const TOLD = ["hello", "snapshot", "update"];

/** The messages that answer each message of a client; `ack` has none. */
const ANSWERED: Readonly<Record<keyof typeof CLIENT_MESSAGES, readonly string[]>> = {
  subscribe: ["snapshot", "error"],
  publish: ["receipt", "error"],
  auth: ["authorized", "error"],
  ack: ["error"],
  ping: ["pong"],
};

const NAMED = ["keys", "since", "hz", "mode"] as const;
const QUERY: JsonSchema = {
  type: "object",
  properties: {
    ...Object.fromEntries(NAMED.map((name) => [name, PARAMETERS[name].schema])),
    token: { type: "string", description: "The credential, where it cannot be offered as a subprotocol." },
  },
};
const HEADERS: JsonSchema = {
  type: "object",
  properties: {
    Authorization: { type: "string", description: "`Bearer <credential>`, where headers can be set." },
    "Sec-WebSocket-Protocol": { type: "string", description: SUBPROTOCOLS },
  },
};

/**
 * The AsyncAPI 3.0 document of what is said on sockets and in streams; `base` is the path that it is served under. It names
 * no server: behind a proxy the Worker does not know what clients call it, and AsyncAPI has no relative ones.
 */
export function asyncApi(base: string): JsonSchema {
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Tickertape",
      version: "1.0.0",
      description:
        "One URL per feed. `tickertape.v1` is JSON in text frames, `tickertape.v1.msgpack` the same messages as MessagePack in " +
        "binary frames, and as JSON in a text frame where one has a member called `__proto__`. Clients ignore members and types that they do not know.",
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    channels: {
      socket: channel(base, "A WebSocket", Object.keys(MESSAGES), {
        "x-close-codes": CLOSE_CODES,
        bindings: { ws: { method: "GET", query: QUERY, headers: HEADERS, bindingVersion: "0.1.0" } },
      }),
      stream: channel(base, "A stream of Server-Sent Events", IN_A_STREAM, {
        description:
          "`event:` is the message's type, `data:` the message, `id:` the position after it, which `Last-Event-ID` resumes from.",
      }),
    },
    operations: {
      tell: operation("send", "socket", TOLD, "Tell a subscriber"),
      stream: operation("send", "stream", IN_A_STREAM, "Tell a subscriber by Server-Sent Events"),
      ...Object.fromEntries(
        Object.entries(ANSWERED).map(([name, answers]) => [
          name,
          {
            ...operation("receive", "socket", [name], MESSAGES[name]?.summary ?? ""),
            reply: {
              channel: { $ref: "#/channels/socket" },
              messages: answers.map((answer) => ({ $ref: `#/channels/socket/messages/${answer}` })),
            },
          },
        ]),
      ),
    },
    components: {
      messages: Object.fromEntries(
        Object.entries(MESSAGES).map(([name, described]) => [name, message(name, described)]),
      ),
      schemas: used({ ...NAMES, ...UPDATE_SCHEMAS, ...MESSAGE_SCHEMAS, ...PROBLEM_SCHEMAS }, [MESSAGES, QUERY]),
    },
  };
}

/** Those schemas that the messages refer to, or that one of these does. */
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

function operation(action: string, channel: string, messages: readonly string[], summary: string): JsonSchema {
  return {
    action,
    summary,
    channel: { $ref: `#/channels/${channel}` },
    messages: messages.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` })),
  };
}

function message(name: string, { summary, schema, example }: Described): JsonSchema {
  const isText = typeof example === "string";
  return {
    name,
    title: name,
    summary,
    contentType: isText ? "text/plain" : "application/json",
    payload: schema,
    ...(!isText && { correlationId: { location: "$message.payload#/id" } }),
    examples: [{ payload: example }],
  };
}
