import type { Answer } from "./answer.ts";
import type { Batch } from "./session.ts";
import type { Transport } from "./types.ts";

/** Called when a batch is really sent, with the credential that it is sent with: what key to give it, or not to send it. */
export type Admit = (batch: Batch, key: string | undefined) => { readonly key: string } | { readonly problem: string };

/** One way to the feed. */
export interface Line {
  readonly transport: Transport;
  /** How many batches may be under way on it. */
  readonly inFlight: number;
  /** It has more to send already than the network takes. */
  readonly isCongested: boolean;
  /** `answered` is called later, once; unless the line ends before. */
  send(batch: Batch): void;
  /** Ends it; nothing is called any more. */
  close(): void;
}

/** A batch has an answer. */
export type Answered = (batch: Batch, answer: Answer) => void;
