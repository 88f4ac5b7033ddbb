/** The listeners of one event. */
export class Listeners<Told extends readonly unknown[]> {
  readonly #entries = new Set<{ call: (...told: Told) => void }>();

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** The same function added twice is called twice. */
  add(call: (...told: Told) => void): () => void {
    const entry = { call };
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  call(...told: Told): void {
    for (const entry of this.#entries) {
      try {
        entry.call(...told);
      } catch (error) {
        // It shows as an uncaught error; the other listeners are called all the same.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
