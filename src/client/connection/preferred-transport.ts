import type { Runtime } from "../runtime.ts";
import type { Link, LinkRequest, Transport } from "../transport.ts";
import { openTimeout } from "../../connecting/retry-policy.ts";
import { FIRST_TRIAL, LAST_TRIAL } from "./timings.ts";

/**
 * Tries from time to time whether the preferred transport works again while another one is in use. Each trial is a link of
 * its own, beside the one in use; a first frame is the proof. `onResult` is called after each trial.
 *
 * The returned function is called after every event of the connection, and after every trial. `isNeeded`: another transport
 * is in use. If not, and the connection is live, the preferred one works: after its next failure the waits are short again.
 */
export function createTransportTrials(
  { setTimer }: Runtime,
  transport: Transport,
  request: () => LinkRequest,
  onResult: (works: boolean) => void,
): (isNeeded: boolean, isLive: boolean) => void {
  let wait = FIRST_TRIAL;
  /** Ends the wait for the next trial, or the trial that is under way. */
  let cancel: (() => void) | undefined;

  const stop = (): void => {
    cancel?.();
    cancel = undefined;
  };

  function begin(): void {
    let link: Link | undefined;
    const cancelTimer = setTimer(openTimeout(0), () => end(false));
    cancel = () => {
      cancelTimer();
      link?.close();
    };
    try {
      link = transport.open(request(), { message: () => end(true), closed: () => end(false) });
    } catch {
      // It may work another time; the timer ends this trial.
    }
  }

  function end(works: boolean): void {
    stop();
    wait = Math.min(2 * wait, LAST_TRIAL);
    onResult(works);
  }

  return (isNeeded, isLive) => {
    if (isNeeded) cancel ??= setTimer(wait, begin);
    else {
      stop();
      if (isLive) wait = FIRST_TRIAL;
    }
  };
}
