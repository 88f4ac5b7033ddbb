/**
 * Moves a track by its first half and begins again, without a seam if the second half looks the same. The browser moves it by
 * itself: nothing runs for each frame.
 */
export class RunningStrip {
  readonly #track: HTMLElement;
  #motion: Animation | undefined;
  #width = 0;
  #speed = 0;

  constructor(track: HTMLElement) {
    this.#track = track;
  }

  /**
   * Runs from where it is, or stands there.
   *
   * @param width Of the first half, in whole pixels.
   * @param speed Pixels a second.
   * @param further How many pixels it is to be moved at once.
   */
  run(isRunning: boolean, width: number, speed: number, further: number): void {
    if (!this.#motion || further || width !== this.#width || speed !== this.#speed) {
      const at = this.end() + further;
      this.#width = width;
      this.#speed = speed;
      // Half of it: exactly, whatever fraction of a pixel that is.
      const transform = ["none", "translateX(-50%)"];
      this.#motion = this.#track.animate({ transform }, { duration: (width / speed) * 1000, iterations: Infinity });
      this.#motion.currentTime = (at / speed) * 1000;
    }
    if (isRunning) this.#motion.play();
    else this.#motion.pause();
  }

  /** Ends the motion: the track is where it would be without. Returns how many pixels it had come. */
  end(): number {
    const at = (Number(this.#motion?.currentTime ?? 0) / 1000) * this.#speed;
    this.#motion?.cancel();
    this.#motion = undefined;
    return at % (this.#width || 1);
  }
}
