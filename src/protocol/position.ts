/** A point in a feed's life, written `epoch:seq`. Means the same on every transport. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/** A position, with when the feed last changed. */
export interface TimedPosition extends Position {
  /** Milliseconds since 1970; 0 before the feed's first update. */
  readonly time: number;
}

export const POSITION = /^([a-z0-9]{1,32}):(0|[1-9][0-9]{0,15})$/;

/** Reads `epoch:seq`. Returns undefined if the text is not a position. */
export function parsePosition(text: string): Position | undefined {
  const match = POSITION.exec(text);
  const seq = Number(match?.[2]);
  return match?.[1] !== undefined && Number.isSafeInteger(seq) ? { epoch: match[1], seq } : undefined;
}

export function formatPosition(position: Position): string {
  return `${position.epoch}:${position.seq}`;
}
