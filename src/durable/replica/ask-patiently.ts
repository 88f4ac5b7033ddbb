/** Waits between the attempts to reach a leader that may just be restarting. Milliseconds. */
const PAUSES = [50, 200, 800];

/** Asks the leader, again and again for a second if it cannot be reached. */
export async function askPatiently<T>(ask: () => Promise<T>): Promise<T> {
  for (const pause of PAUSES) {
    try {
      return await ask();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return ask();
}
