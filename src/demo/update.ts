/** The values of a flat entry; `null` takes a field away when it comes in a patch. */
export type Fields = Record<string, number | string | boolean | null>;

/**
 * One change of one key in the publish format of `POST /v1/feeds/{feed}`, narrowed to flat fields.
 * `time` is in milliseconds since 1970.
 */
export type Update = { key: string; time?: number } & ({ set: Fields } | { patch: Fields } | { delete: true });
