/** Waits between the attempts to reach a leader that may just be restarting. Milliseconds. */
const PAUSES = [50, 200, 800];

/** Asks the leader, again and again for a second if it cannot be reached; or once again, if others can serve who waits. */
export async function askPatiently<T>(ask: () => Promise<T>, canOthers = false): Promise<T> {
  for (const pause of canOthers ? PAUSES.slice(0, 1) : PAUSES) {
    try {
      return await ask();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return ask();
}
