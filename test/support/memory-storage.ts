/** Key-value storage of an object, without one: as much of it as is used where there is no runtime. */
export function memoryStorage(kept = new Map<string, unknown>()): SyncKvStorage {
  const storage = {
    get: (key: string) => kept.get(key),
    put: (key: string, value: unknown) => void kept.set(key, value),
    delete: (key: string) => kept.delete(key),
  };
  // oxlint-disable-next-line no-unsafe-type-assertion -- the rest is not used
  return storage as SyncKvStorage;
}
