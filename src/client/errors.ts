/** The server refused the feed, or it was closed while a caller still waited for something. */
export class FeedClosedError extends Error {
  override readonly name = "FeedClosedError";
  /** The WebSocket close code (44xx) or HTTP status of the refusal; undefined after `close()`. */
  readonly code: number | undefined;

  constructor(reason: string, code: number | undefined) {
    super(reason);
    this.code = code;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
