import { afterEach, expect, test } from "vitest";
import { holdBody, type ArrivingBody, type Sender } from "../../src/http/arriving-bodies.ts";

const MIB = 1024 * 1024;
const token = (id: string): Sender => ({ id, kind: "token" });
const key: Sender = { id: "key", kind: "key" };
const open: ArrivingBody[] = [];

function arrive(sender: Sender, bytes: number): void {
  const body = holdBody(sender);
  open.push(body);
  body.grow(bytes);
}

afterEach(() => {
  for (const body of open.splice(0)) body.release();
});

test("[MSG8] [I9] a body counts by the bytes that have arrived", () => {
  for (let i = 0; i < 500; i++) arrive(token("a"), 1);
  arrive(token("a"), MIB);
});

test("[MSG8] [I9] one token's bodies take a quarter, and those of all tokens leave room for keys", () => {
  for (const id of ["a", "b", "c"]) {
    for (let i = 0; i < 12; i++) arrive(token(id), MIB);
    expect(() => arrive(token(id), MIB)).toThrow("Too much");
  }
  expect(() => arrive(token("d"), MIB)).toThrow("Too much");
  for (let i = 0; i < 11; i++) arrive(key, MIB);
});

test("[I9] room that was released can be used again", () => {
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 12; i++) arrive(token("a"), MIB);
    for (const body of open.splice(0)) body.release();
  }
});
