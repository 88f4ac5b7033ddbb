/** The median of a figure of a case; NaN where it was not measured. */
export type Read = (scenario: string, name: string, figure: string) => number;

export interface Goal {
  readonly what: string;
  readonly goal: string;
  /** What was measured, and how far each part reaches its goal: 1 is all of it. */
  readonly measure: (read: Read) => { readonly measured: string; readonly parts: readonly number[] };
}

/** A goal that one figure reaches or not. */
export function atMost(what: string, most: number, unit: string, scenario: string, name: string, figure: string): Goal {
  return {
    what,
    goal: `<= ${most} ${unit}`.trim(),
    measure(read) {
      const value = read(scenario, name, figure);
      return { measured: `${show(value)} ${unit}`.trim(), parts: [most / value] };
    },
  };
}

export function show(value: number): string {
  if (Number.isNaN(value)) return "?";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}
