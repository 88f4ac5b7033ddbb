/** Milliseconds of the machine's monotonic clock, which all its processes share. */
export function clock(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
