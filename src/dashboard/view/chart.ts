import {
  createChart,
  LastPriceAnimationMode,
  LineSeries,
  LineType,
  TickMarkType,
  type IChartApi,
  type ISeriesApi,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import { formatClock } from "../model/format.ts";
import { timeAfter, type Point } from "../model/key-history.ts";
import { colorOf } from "./theme.ts";

/** A line of one number over time, in the colours of the page. */
export class Chart {
  readonly #host: HTMLElement;
  readonly #chart: IChartApi;
  readonly #series: ISeriesApi<"Line">;
  #last: number | undefined;

  constructor(host: HTMLElement) {
    this.#host = host;
    this.#chart = createChart(host, {
      autoSize: true,
      // The page names and links the maker beside the chart. The logo would add a style element, which the CSP forbids.
      layout: { attributionLogo: false, background: { color: "transparent" }, fontSize: 11 },
      localization: { timeFormatter: (time: Time) => formatTick(time, TickMarkType.TimeWithSeconds) },
      timeScale: { timeVisible: true, secondsVisible: true, rightOffset: 2, tickMarkFormatter: formatTick },
      rightPriceScale: { scaleMargins: { top: 0.12, bottom: 0.08 } },
      handleScale: { axisPressedMouseMove: { time: true, price: false } },
    });
    // In steps: a value is valid until the next one.
    this.#series = this.#chart.addSeries(LineSeries, {
      lineWidth: 2,
      lineType: LineType.WithSteps,
      lastPriceAnimation: LastPriceAnimationMode.Disabled,
    });
    this.recolour();
  }

  /** Replaces all points. */
  show(points: readonly Point[], decimals: number): void {
    this.#series.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
    this.#series.setData(points.map(({ time, value }) => ({ time: toTime(time), value })));
    this.#last = points.at(-1)?.time;
    this.#chart.timeScale().fitContent();
  }

  /** Adds a point that has just come. */
  add({ time, value }: Point): void {
    this.#last = timeAfter(this.#last, time);
    this.#series.update({ time: toTime(this.#last), value });
  }

  /** Takes the colours of the style sheet, which a canvas does not do by itself when the theme changes. */
  recolour(): void {
    const [ink, grid, line] = [colorOf("--quiet"), colorOf("--line"), colorOf("--accent")];
    this.#chart.applyOptions({
      layout: { textColor: ink, fontFamily: getComputedStyle(this.#host).fontFamily },
      grid: { vertLines: { color: "transparent" }, horzLines: { color: grid } },
      rightPriceScale: { borderColor: grid },
      timeScale: { borderColor: grid },
      crosshair: {
        vertLine: { color: ink, labelBackgroundColor: line },
        horzLine: { color: ink, labelBackgroundColor: line },
      },
    });
    this.#series.applyOptions({ color: line });
  }

  remove(): void {
    this.#chart.remove();
  }
}

/** The library counts in seconds, and accepts fractions of them. */
function toTime(ms: number): UTCTimestamp {
  // The library's type is a branded number, which only an assertion makes.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (ms / 1000) as UTCTimestamp;
}

/** In the reader's time zone. The library would show UTC. */
function formatTick(time: Time, type: TickMarkType): string {
  if (typeof time !== "number") return "";
  if (type === TickMarkType.Time) return formatClock(time * 1000).slice(0, 5);
  if (type === TickMarkType.TimeWithSeconds) return formatClock(time * 1000);
  return new Date(time * 1000).toLocaleDateString(undefined, { day: "numeric", month: "short" });
}
