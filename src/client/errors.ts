/** The server refused the feed, or it was closed while something was still waited for. */
export class FeedClosedError extends Error {
  override readonly name = "FeedClosedError";
  /** The WebSocket close code (44xx) or HTTP status of the refusal; none where `close()` was called. */
  readonly code: number | undefined;

  constructor(reason: string, code: number | undefined) {
    super(reason);
    this.code = code;
  }
}
