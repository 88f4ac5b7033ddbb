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
import { timeAfter, type Point } from "../model/series.ts";
import { colorOf } from "./theme.ts";

/** A line of one number over time. Its colours are the page's. */
export class Chart {
  readonly #host: HTMLElement;
  readonly #chart: IChartApi;
  readonly #series: ISeriesApi<"Line">;
  #last: number | undefined;

  constructor(host: HTMLElement) {
    this.#host = host;
    this.#chart = createChart(host, {
      autoSize: true,
      // The page itself names and links the maker beside the chart, without a logo that brings a style element along.
      layout: { attributionLogo: false, background: { color: "transparent" }, fontSize: 11 },
      localization: { timeFormatter: (time: Time) => formatTime(time) },
      timeScale: { timeVisible: true, secondsVisible: true, rightOffset: 2, tickMarkFormatter: formatTick },
      rightPriceScale: { scaleMargins: { top: 0.12, bottom: 0.08 } },
      handleScale: { axisPressedMouseMove: { time: true, price: false } },
    });
    // In steps: a value holds until the next one.
    this.#series = this.#chart.addSeries(LineSeries, {
      lineWidth: 2,
      lineType: LineType.WithSteps,
      lastPriceAnimation: LastPriceAnimationMode.Disabled,
    });
    this.recolour();
  }

  /** Shows these points, all of them. */
  show(points: readonly Point[], decimals: number): void {
    this.#series.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
    this.#series.setData(points.map(({ time, value }) => ({ time: toTime(time), value })));
    this.#last = points.at(-1)?.time;
    this.#chart.timeScale().fitContent();
  }

  /** Adds what has just come. */
  add({ time, value }: Point): void {
    this.#last = timeAfter(this.#last, time);
    this.#series.update({ time: toTime(this.#last), value });
  }

  /** After a change of the theme: a canvas does not follow the style sheet. */
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

/** The library counts seconds, and takes fractions of them. */
function toTime(ms: number): UTCTimestamp {
  // The library's type is a branded number, which only an assertion makes.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (ms / 1000) as UTCTimestamp;
}

function formatTime(time: Time): string {
  return typeof time === "number" ? formatClock(time * 1000) : "";
}

/** Where the reader is, and not in UTC as the library would. */
function formatTick(time: Time, type: TickMarkType): string {
  if (typeof time !== "number") return "";
  const date = new Date(time * 1000);
  if (type === TickMarkType.Time) return formatClock(time * 1000).slice(0, 5);
  if (type === TickMarkType.TimeWithSeconds) return formatClock(time * 1000);
  return date.toLocaleDateString(undefined, { day: "numeric", month: "short" });
}
