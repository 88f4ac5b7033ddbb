/**
 * Draws the page at most once a frame, and only after a change. A hidden tab has no frames, so it draws nothing until it is
 * shown again.
 */
export class FrameLoop {
  readonly #draw: (waited: number) => number | undefined;
  #dueSince: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * `draw` gets how long the frame was due (milliseconds), and returns after how many milliseconds it has to be called
   * again, or undefined if only a change makes that necessary.
   */
  constructor(draw: (waited: number) => number | undefined) {
    this.#draw = draw;
  }

  /** Something has changed. */
  request(): void {
    if (this.#dueSince !== undefined) return;
    this.#dueSince = performance.now();
    requestAnimationFrame(() => this.#frame());
  }

  #frame(): void {
    const waited = performance.now() - (this.#dueSince ?? 0);
    this.#dueSince = undefined;
    const again = this.#draw(waited);
    if (again === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.request();
    }, again);
  }
}
