/**
 * A feed that is declared in code, as those who read and publish it know it: by the type of its values. Only a type: a page
 * takes it with `import type`, and nothing of the declaration is in its code.
 */
export interface DeclaredFeed<Value = unknown> {
  /** Never there: it carries the type. */
  readonly "~value"?: Value;
}

/** Declared feeds by name. A name that ends in `*` stands for all that begin so. */
export type DeclaredFeeds = Readonly<Record<string, DeclaredFeed>>;

/** The names of the feeds that are declared, patterns written out: `stocks` or `team-${string}`. */
export type FeedName<Feeds> = NameOf<keyof Feeds & string>;

type NameOf<Pattern extends string> = Pattern extends `${infer Prefix}*` ? `${Prefix}${string}` : Pattern;

/** The values of the feed of that name. A name of its own counts before a pattern, and a longer pattern before a shorter one. */
export type ValueOf<Feeds, Name extends string> = Name extends keyof Feeds
  ? DeclaredValue<Feeds[Name]>
  : DeclaredValue<Feeds[Longest<Matching<keyof Feeds & string, Name>> & keyof Feeds]>;

type DeclaredValue<Feed> = Feed extends DeclaredFeed<infer Value> ? Value : never;

type Matching<Pattern extends string, Name extends string> = Pattern extends `${infer Prefix}*`
  ? Name extends `${Prefix}${string}`
    ? Pattern
    : never
  : never;

/** The patterns that no other one of them goes further than. */
type Longest<Pattern extends string, All extends string = Pattern> = Pattern extends `${infer Prefix}*`
  ? [Extract<Exclude<All, Pattern>, `${Prefix}${string}`>] extends [never]
    ? Pattern
    : never
  : never;
