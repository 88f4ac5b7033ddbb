import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CLIENT_MESSAGES } from "../../src/protocol/client-messages.ts";
import { CLOSE, MODES, PROBLEMS, SNAPSHOT_REASONS } from "../../src/protocol/codes.ts";
import { OF_A_SOCKET, PARAMETERS } from "../../src/protocol/parameters.ts";
import { SERVER_MESSAGES } from "../../src/protocol/server-messages.ts";
import { PATHS } from "../../src/specs/operations.ts";

const page = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");

/** The rows of the table whose first column is called `name`: the cells of each. */
function rowsOf(name: string): string[][] {
  const table = page.split("\n\n").find((block) => block.startsWith(`| ${name} |`));
  if (table === undefined) throw new Error(`docs/api.md has no table of ${name}`);
  return table
    .trim()
    .split("\n")
    .slice(2)
    .map((row) =>
      row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const codesIn = (cell: string): string[] => Array.from(cell.matchAll(/`([a-z_]+)`/g), ([, code = ""]) => code);
const firstCells = (name: string): string[] => rowsOf(name).map(([first = ""]) => first);

const METHODS = ["get", "post", "delete", "put", "patch"];

describe("docs/api.md", () => {
  test("has every request, and no other", () => {
    const served = Object.entries(PATHS).flatMap(([path, operations]) =>
      METHODS.filter((method) => method in operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const documented = firstCells("request").flatMap((cell) =>
      Array.from(cell.matchAll(/`([A-Z]+ \/[^`?]*)/g), ([, request = ""]) => request),
    );
    expect([...new Set(documented)].toSorted()).toEqual(served.toSorted());
  });

  test.each(Object.values({ ...PARAMETERS, ...OF_A_SOCKET }).filter((parameter) => parameter.in === "query"))(
    "has the query parameter $name",
    ({ name }) => {
      expect(page).toMatch(new RegExp(`[\`?&]${name}=`));
    },
  );

  test("has every error code with its status, and no other", () => {
    const documented = rowsOf("status").flatMap(([status, codes = ""]) =>
      codesIn(codes.replace(/`Retry-After`|`Idempotency-Key`/g, "")).map((code): [string, number] => [
        code,
        Number(status),
      ]),
    );
    expect(documented.length).toBe(Object.keys(PROBLEMS).length);
    expect(Object.fromEntries(documented)).toEqual(
      Object.fromEntries(Object.entries(PROBLEMS).map(([code, { status }]) => [code, status])),
    );
  });

  test("has every close code, and no other", () => {
    const documented = firstCells("code").flatMap((cell) => cell.split(", ").map(Number));
    // The server sends no 1001: a browser does.
    expect(documented).toEqual([...Object.values(CLOSE), 1001].toSorted((a, b) => a - b));
  });

  test("has every message both ways, and no other", () => {
    expect(firstCells("from the server").flatMap(codesIn).toSorted()).toEqual(Object.keys(SERVER_MESSAGES).toSorted());
    expect(firstCells("from the client").flatMap(codesIn).toSorted()).toEqual(Object.keys(CLIENT_MESSAGES).toSorted());
  });

  test("has every reason of a snapshot, and no other", () => {
    expect(firstCells("reason").flatMap(codesIn).toSorted()).toEqual(Object.keys(SNAPSHOT_REASONS).toSorted());
  });

  test("has every mode", () => {
    for (const mode of MODES) expect(page).toContain(`\`${mode}\``);
  });
});
