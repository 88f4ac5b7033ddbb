import * as fc from "fast-check";

/** What breaks parsers, prototypes, searches and logs. Put into otherwise good input. */
const POISON = [
  '"__proto__":{"polluted":true},',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '"__proto__"',
  '"constructor"',
  '"prototype"',
  '"key":"B",',
  '"set":{},',
  '"patch":null,',
  '"delete":true,',
  '"ttl":1e-300,',
  '"version":-1,',
  '"time":1e308,',
  "null",
  "true",
  "[]",
  "{}",
  '""',
  "-",
  "1e999",
  "-0",
  "9".repeat(400),
  '"\\ud800"',
  '"\\udfff\\ud800"',
  "\\u0000",
  "\u0000",
  "\u2028",
  "\ufeff",
  "*",
  ",",
  "%",
  "';DROP TABLE entries;--",
  "../",
  "</script>",
  "\n",
  "\r\n\r\n",
  "[".repeat(50),
  "]".repeat(50),
  '{"a":'.repeat(40),
];
const encoder = new TextEncoder();

/** One change of some bytes; places are parts of the length, so that they fit whatever is left. */
const mutation = fc.tuple(
  fc.constantFrom("flip", "cut", "drop", "repeat", "poison", "poison", "byte", "swap"),
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.nat(),
);
type Mutation = readonly [kind: string, at: number, until: number, choice: number];

export const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });

export function mutate(input: Uint8Array, changes: readonly Mutation[]): Uint8Array {
  let bytes = input;
  for (const change of changes) bytes = mutateOnce(bytes, change);
  return bytes;
}

function mutateOnce(bytes: Uint8Array, [kind, first, second, choice]: Mutation): Uint8Array {
  const [from, to] = [first, second].map((part) => Math.floor(part * bytes.length)).toSorted((a, b) => a - b) as [
    number,
    number,
  ];
  const [before, inside, after] = [bytes.slice(0, from), bytes.slice(from, to), bytes.slice(to)];
  switch (kind) {
    case "flip":
      return bytes.map((byte, i) => (i === from ? byte ^ (1 << (choice % 8)) : byte));
    case "byte":
      return join(before, Uint8Array.of(choice % 256), inside, after);
    case "cut":
      return before;
    case "drop":
      return join(before, after);
    case "repeat":
      return join(before, inside, inside, after);
    case "swap":
      return join(after, inside, before);
    default:
      return join(before, encoder.encode(POISON[choice % POISON.length]), inside, after);
  }
}

function join(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** A text of the kind, changed; as text, with what is no UTF-8 replaced. */
export function mutatedText(good: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const decoder = new TextDecoder();
  return fc.tuple(good, mutations).map(([text, changes]) => decoder.decode(mutate(encoder.encode(text), changes)));
}
