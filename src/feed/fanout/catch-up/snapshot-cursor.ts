import type { SnapshotReason } from "../../../protocol/codes.ts";
import type { Fields } from "../../../protocol/fields.ts";
import type { EncodedMessage } from "../encoded-message.ts";
import type { WorkMeter } from "../work.ts";
import type { FrozenList, ListReader, ListRequest } from "./frozen-list.ts";
import type { Snapshots } from "./snapshots.ts";

/** The snapshot that is being sent. */
interface Reading {
  readonly list: FrozenList;
  readonly reason: SnapshotReason;
  readonly fields: Fields | undefined;
  /** Of the `subscribe` message that it answers. */
  readonly id: number | undefined;
  part: number;
}

/** Gets a frozen list for one subscriber, waits for it if need be, and goes through its parts. */
export class SnapshotCursor implements ListReader {
  readonly onListGivenUp: () => void;
  readonly #snapshots: Snapshots;
  /** The request for a list that there is no room for yet. */
  #waitsFor: ListRequest | undefined;
  #reading: Reading | undefined;

  constructor(snapshots: Snapshots, onListGivenUp: () => void) {
    this.#snapshots = snapshots;
    this.onListGivenUp = onListGivenUp;
  }

  /** False while it waits for a list and there is no chance of one. */
  get isReady(): boolean {
    return !this.#waitsFor || this.#snapshots.canTake(this.#waitsFor);
  }

  /** A list for a request; undefined if there is no room for it now. */
  take(request: ListRequest, meter: WorkMeter): FrozenList | undefined {
    const before = this.#waitsFor;
    const isSame = before && before.selection === request.selection && before.except === request.except;
    const measured = isSame ? { ...request, mostEntries: before.mostEntries } : request;
    const list = this.#snapshots.take(measured, meter);
    this.#waitsFor = list ? undefined : measured;
    return list;
  }

  /** Begins with the first part of a list. */
  begin(list: FrozenList, reason: SnapshotReason, fields: Fields | undefined, id?: number): void {
    if (list.parts > 1) this.#snapshots.inUse.hold(list, this);
    this.#reading = { list, reason, fields, id, part: 0 };
  }

  /** The message with the present part; undefined if there is none. */
  message(meter: WorkMeter): EncodedMessage | undefined {
    if (!this.#reading) return undefined;
    const { list, part, reason, fields, id } = this.#reading;
    return this.#snapshots.message(list, part, reason, fields, meter, id);
  }

  /** Goes on to the next part. Returns false, and releases the list, if there is none. */
  next(): boolean {
    if (this.#reading && ++this.#reading.part < this.#reading.list.parts) return true;
    this.release();
    return false;
  }

  release(): void {
    if (this.#reading) this.#snapshots.inUse.release(this.#reading.list, this);
    this.#reading = undefined;
  }
}
