import type { Platform } from "../runtime.ts";
import type { Link, LinkRequest, Transport } from "../transport.ts";
import { openTimeout } from "./timings.ts";

/**
 * Finds out whether a transport gets through, while another one is in use: a first frame is the proof. Tells once, and
 * lets go of it; not at all where the returned function is called before.
 */
export function tryOut(
  { setTimer }: Platform,
  transport: Transport,
  request: LinkRequest,
  tell: (works: boolean) => void,
): () => void {
  let link: Link | undefined;
  const leave = (): void => {
    cancelTimer();
    link?.close();
  };
  const end = (works: boolean): void => {
    leave();
    tell(works);
  };
  const cancelTimer = setTimer(openTimeout(0), () => end(false));
  try {
    link = transport.open(request, { message: () => end(true), closed: () => end(false) });
  } catch {
    // It may be another time; the timer tells.
  }
  return leave;
}
