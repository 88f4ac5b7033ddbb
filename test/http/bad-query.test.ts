import { describeRefusals, type BadRequest } from "./refused-requests.ts";

function given(name: string, values: readonly string[]): string[] {
  return values.map((value) => `${name}=${value}`);
}

const TOO_MANY_KEYS = Array.from({ length: 1_001 }, (_, i) => i).join();
const SINCE = [
  "",
  "x",
  "x:",
  ":1",
  "x:-1",
  "x:1.5",
  "x:01",
  "x:1e3",
  "X:1",
  "x:1:2",
  "%20x:1",
  "x:99999999999999999999",
];
const HZ = ["", "0", "-1", "0.09", "60.1", "fast", "Infinity", "NaN", "0x10", "1e1", "%201"];

describeRefusals("[READ10] A bad query", [
  ...given("keys", ["", ",", "A,", ",A", "a*b", "**", "*a", "%00", "A&keys=", "k".repeat(129), TOO_MANY_KEYS]).map(
    asRead,
  ),
  ...given("since", [...SINCE, "a:1&since=b:2"]).map(asRead),
  ...given("hz", [...HZ, "1&hz=2"]).map(asRead),
  ...given("mode", ["", "newest", "ALL", "all&mode=latest"]).map(asRead),
]);

function asRead(query: string): BadRequest {
  return { what: `?${query.slice(0, 40)}`, code: "invalid_query", method: "GET", rest: `?${query}` };
}

describeRefusals("A bad query of the history", [
  asHistory("limit=1"),
  ...given("key", ["", "a,b", "a*", "%0A", "k".repeat(129), "A&key=B"]).map(asHistory),
  ...given("key=A&limit", ["0", "-1", "1001", "1.5", "ten", "", "1e2", "+1", "%201", "1&limit=2"]).map(asHistory),
  ...given("key=A&before", ["-1", "1.5", "x", "", "1e2", "99999999999999999999", "1&before=2"]).map(asHistory),
]);

function asHistory(query: string): BadRequest {
  return { what: `/history?${query.slice(0, 40)}`, code: "invalid_query", method: "GET", rest: `/history?${query}` };
}

function cross(rests: readonly string[], methods: readonly string[], code: BadRequest["code"]): BadRequest[] {
  return rests.flatMap((rest) => methods.map((method) => ({ what: `${method} ${rest}`, code, method, rest })));
}

describeRefusals("A wrong place", [
  ...cross([""], ["PUT", "PATCH", "PROPFIND"], "method_not_allowed"),
  ...cross(["/stats", "/history"], ["POST", "PUT", "PATCH", "DELETE"], "method_not_allowed"),
  ...cross(["/", "/entries", "/stats/", "/history/A", "//"], ["GET", "POST", "DELETE"], "not_found"),
]);
