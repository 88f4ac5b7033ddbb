import type { DeclaredFeeds, FeedName, ValueOf } from "../protocol/declared-feeds.ts";
import type { Cut, Feed, FeedOptions, Field } from "./types.ts";

/**
 * Says once for a whole program which feeds are declared in code. Then their names and values are known wherever a feed is
 * opened:
 *
 * ```ts
 * declare module "@tickertape/feed/client" {
 *   interface Register {
 *     feeds: typeof feeds;
 *   }
 * }
 * ```
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- for programs to add to
export interface Register {}

/** The names of the feeds that the program has registered; any, if it has registered none. */
type RegisteredName = Register extends { readonly feeds: infer Feeds } ? FeedName<Feeds> : string;
type RegisteredValue<Name extends string> = Register extends { readonly feeds: infer Feeds }
  ? Known<ValueOf<Feeds, Name>>
  : Known<unknown>;

/** An object with any members, if nothing is known of it. */
type Known<Value> = unknown extends Value ? Record<string, unknown> : Value;

/** The names of declared feeds; none, if `Feeds` are no declared feeds but values. */
type NameIn<Feeds> = IsDeclared<Feeds> extends true ? FeedName<Feeds> : never;

/** Whether a type is that of declared feeds, and not of a value. */
type IsDeclared<T> = T extends DeclaredFeeds
  ? string extends keyof T
    ? false
    : "~value" extends keyof T[keyof T]
      ? true
      : false
  : false;

/** An array with all of these names: an entry has what was asked for, and no more. */
type AllOf<Name extends string, Left = Name> = [Left] extends [never]
  ? readonly Name[]
  : readonly [Name, ...AllOf<Name, Exclude<Left, Last<Left>>>];

/** One of a union. */
type Last<Union> = (Union extends unknown ? (take: () => Union) => void : never) extends (take: infer Each) => void
  ? Each extends () => infer Member
    ? Member
    : never
  : never;

type Opened<T, F extends string> = Feed<Cut<T, F>, T>;

/** Stands for a type that was not written. */
declare const notGiven: unique symbol;
type NotGiven = typeof notGiven;
type IsNotGiven<T> = [T] extends [NotGiven] ? (unknown extends T ? false : true) : false;

/** What opens a feed. Nothing checks at run time that entries are what the types say. */
export interface OpenFeed<Missing = never> {
  /** With nothing in front: the values are those of the registered feed, cut to the fields, or any objects. */
  <const Name, const F extends Field<RegisteredValue<Name & string>> = never>(
    base: string | URL,
    // For `any` and `unknown`, which are written, there is the last one.
    feed: Name & (unknown extends Name ? never : Name extends RegisteredName ? unknown : never),
    options?: FeedOptions<F>,
  ): Opened<RegisteredValue<Name & string>, F> | Missing;

  /** `<typeof feeds, "stocks">`: the values are those of that feed. Fields are named beside it: `<typeof feeds, "stocks", "last">`. */
  <Feeds, Name extends string, F extends Field<Known<ValueOf<Feeds, Name>>> = never>(
    base: string | URL,
    feed: Name & NameIn<Feeds>,
    options?: [F] extends [never] ? FeedOptions : WithFields<F>,
  ): Opened<Known<ValueOf<Feeds, Name>>, F> | Missing;

  /** `<Van, "lat" | "lon">`: the values are of that type, cut to these fields, which are those of the options. */
  <T, F extends Field<T>>(base: string | URL, feed: string, options: WithFields<F>): Opened<T, F> | Missing;

  /** `<typeof feeds>`: the values are those of any of the feeds, of which there may be one. `<Van>`: they are of that type. */
  <T = NotGiven>(
    base: string | URL,
    feed: NoInfer<IsNotGiven<T> extends true ? never : IsDeclared<T> extends true ? FeedName<T> : string>,
    options?: FeedOptions,
  ): Feed<IsDeclared<T> extends true ? Known<ValueOf<T, FeedName<T>>> : T> | Missing;
}

type WithFields<F extends string> = FeedOptions<F> & { readonly fields: AllOf<F> };
