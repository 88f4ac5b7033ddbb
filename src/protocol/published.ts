// What programs publish, and what they get for it: types alone.

/** No array or Map, which have the first, and no function, which has the second. */
interface PlainObject {
  readonly [Symbol.iterator]?: never;
  readonly [Symbol.hasInstance]?: never;
}

/** Any object that JSON writes as one, also by its `toJSON`. */
interface AnyValue extends PlainObject {
  // `unknown` would not take interfaces.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly [name: string]: any;
}

/** What changes in a value: members that are left out stay, and objects are merged. `null` removes what may be missing. */
export type Patch<Value> = Value extends Whole
  ? Value
  : { readonly [Name in keyof Value]?: Patch<Value[Name]> | (undefined extends Value[Name] ? null : never) };

/** What a patch replaces as a whole: all but objects. */
type Whole = string | number | boolean | null | undefined | readonly unknown[] | { toJSON(): unknown };

/** One change of one key. `Value` is what the feed's values are; any object if nothing is known of them. */
export type Update<Value = unknown> = {
  readonly key: string;
  /** When it happened at the source, in milliseconds since 1970. */
  readonly time?: number | undefined;
  /** The source's own version of the key: an update whose version is not above the last one is stale, and not applied. */
  readonly version?: number | undefined;
  /** Seconds after which the entry is deleted unless a newer update comes. */
  readonly ttl?: number | undefined;
} & (
  | {
      readonly set: unknown extends Value ? AnyValue : Value & PlainObject;
      readonly patch?: undefined;
      readonly delete?: undefined;
    }
  | {
      readonly patch: unknown extends Value ? AnyValue : Patch<Value> & PlainObject;
      readonly set?: undefined;
      readonly delete?: undefined;
    }
  | { readonly delete: true; readonly set?: undefined; readonly patch?: undefined }
);

/** The answer to a batch, once it is durable. It may have held the updates of other calls too; the receipt counts them all. */
export interface Receipt {
  readonly feed: string;
  readonly epoch: string;
  /** The feed's seq after the batch. */
  readonly seq: number;
  readonly accepted: number;
  readonly stale: number;
}
