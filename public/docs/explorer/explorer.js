// @ts-check
// Shows what /openapi.json and /asyncapi.json say. All of it is put in as text.
import { element, example, link, prose, table } from "./dom.js";
import { membersOf, typeOf } from "./schemas.js";

/** @import { Doc } from "./schemas.js" */

const METHODS = ["get", "head", "post", "delete", "options"];

/**
 * @param {string} path
 * @returns {Promise<Doc>}
 */
async function load(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

/** @param {string} id */
function place(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * What a reference leads to.
 * @param {Doc} root
 * @param {Doc} part
 * @returns {Doc}
 */
function follow(root, part) {
  if (typeof part["$ref"] !== "string") return part;
  const names = part["$ref"].slice(2).split("/");
  return names.reduce((at, name) => at[name] ?? {}, root);
}

/**
 * @param {Doc} root
 * @param {string} path
 * @param {string} method
 * @param {Doc} operation
 * @param {Doc[]} shared
 */
function showOperation(root, path, method, operation, shared) {
  const id = `request-${operation["operationId"]}`;
  const title = element("h3", { id }, element("span", { class: "method" }, method.toUpperCase()), path);
  const article = element(
    "article",
    { "data-operation": operation["operationId"] },
    title,
    prose(operation["summary"]),
  );
  if (operation["description"]) article.append(prose(operation["description"]));
  article.append(prose(`Credential: ${needs(operation["security"] ?? [])}.`));
  const parameters = [...shared, ...(operation["parameters"] ?? [])].map((part) => follow(root, part));
  if (parameters.length > 0) {
    const rows = parameters.map((one) => [
      one["name"],
      one["in"] + (one["required"] ? ", required" : ""),
      typeOf(one["schema"]),
      prose(one["description"] ?? follow(root, one["schema"])["description"] ?? ""),
    ]);
    article.append(element("h4", {}, "Parameters"), table(["Name", "Where", "Type", "What"], rows));
  }
  if (operation["requestBody"]) {
    article.append(element("h4", {}, "Body"), prose(operation["requestBody"]["description"] ?? ""));
    article.append(...showContent(operation["requestBody"]["content"]));
  }
  article.append(element("h4", {}, "Answers"), showResponses(operation["responses"]));
  for (const [status, response] of Object.entries(operation["responses"])) {
    if (!response["content"]) continue;
    article.append(
      element("details", {}, element("summary", {}, `Body of ${status}`), ...showContent(response["content"])),
    );
  }
  place("requests").append(article);
  place("request-links").append(element("li", {}, link(`#${id}`, `${method.toUpperCase()} ${path}`)));
}

/** @param {Doc[]} security */
function needs(security) {
  if (security.length === 0) return "none";
  const ways = security.map((way) => Object.keys(way).join(" and ")).filter((way) => way !== "");
  const isOptional = ways.length < security.length;
  return ways.join(" or ") + (isOptional ? ", where reading is not public" : "");
}

/** @param {Doc} responses */
function showResponses(responses) {
  const rows = Object.entries(responses).map(([status, response]) => [
    status,
    prose(response["description"]),
    Object.keys(response["headers"] ?? {}).join(", "),
  ]);
  return table(["Status", "What", "Headers"], rows);
}

/** @param {Doc} content */
function showContent(content) {
  return Object.entries(content).flatMap(([type, media]) => {
    const head = element("p", {}, element("code", {}, type), " ", typeOf(media["schema"]));
    const parts = [head].concat(membersOf(media["schema"]));
    if ("example" in media) parts.push(example(media["example"], `Example of ${type}`));
    return parts;
  });
}

/**
 * @param {string} name
 * @param {Doc} message
 * @param {string} way
 */
function showMessage(name, message, way) {
  const id = `message-${name}`;
  const title = element("h3", { id }, element("span", { class: "method" }, way), name);
  const article = element("article", { "data-message": name }, title, prose(message["summary"]));
  article.append(...membersOf(message["payload"]));
  for (const { payload } of message["examples"]) article.append(example(payload, `Example of ${name}`));
  place("messages").append(article);
  place("message-links").append(element("li", {}, link(`#${id}`, name)));
}

/** @param {Doc} asyncapi */
function showMessages(asyncapi) {
  place("about-messages").replaceWith(prose(asyncapi["info"]["description"]));
  /** @type {Doc[]} */
  const operations = Object.values(asyncapi["operations"]);
  const received = new Set(
    operations
      .filter(({ action }) => action === "receive")
      .flatMap(({ messages }) => messages.map((/** @type {Doc} */ one) => String(one["$ref"]).split("/").at(-1))),
  );
  for (const [name, message] of Object.entries(asyncapi["components"]["messages"]))
    showMessage(name, message, received.has(name) ? "client says" : "server says");
  /** @type {{ code: number, description: string, comeBack: boolean }[]} */
  const codes = asyncapi["channels"]["socket"]["x-close-codes"];
  const rows = codes.map(({ code, description, comeBack }) => [
    String(code),
    prose(description),
    comeBack ? "yes" : "no",
  ]);
  place("codes").append(table(["Code", "What", "Come back unchanged"], rows));
}

/** @param {Doc} openapi */
function showRequests(openapi) {
  place("about").replaceWith(prose(`${openapi["info"]["summary"]} ${openapi["info"]["description"]}`));
  for (const [path, item] of Object.entries(openapi["paths"])) {
    for (const method of METHODS)
      if (item[method]) showOperation(openapi, path, method, item[method], item["parameters"] ?? []);
  }
}

/** @param {Doc} schemas */
function showSchemas(schemas) {
  for (const [name, schema] of Object.entries(schemas)) {
    const article = element(
      "article",
      {},
      element("h3", { id: `schema-${name}` }, name),
      element("p", {}, typeOf(schema)),
    );
    if (schema["description"]) article.append(prose(schema["description"]));
    article.append(...membersOf(schema));
    for (const one of schema["examples"] ?? []) article.append(example(one, `Example of ${name}`));
    place("schema-list").append(article);
  }
}

try {
  const [openapi, asyncapi] = await Promise.all([load("../../openapi.json"), load("../../asyncapi.json")]);
  showRequests(openapi);
  showMessages(asyncapi);
  showSchemas({ ...openapi["components"]["schemas"], ...asyncapi["components"]["schemas"] });
  place("status").remove();
  // What was asked for was not there when the page came. The ids have no character that a URL would encode.
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
} catch (error) {
  place("status").textContent =
    `The documents could not be read: ${error instanceof Error ? error.message : "try again"}.`;
}
