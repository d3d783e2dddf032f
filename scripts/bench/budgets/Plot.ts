/**
 * Plots as SVG: lines over an axis of sessions, readable on light and on dark ground.
 *
 * @since 0.1.0
 */

export interface Series {
  readonly name: string
  readonly colour: string
  readonly points: ReadonlyArray<readonly [x: number, y: number]>
}

export interface PlotOptions {
  readonly title: string
  readonly x: string
  readonly y: string
  /** A logarithmic axis for what spans decades. */
  readonly log?: boolean | undefined
  /** A line across, for a budget. */
  readonly limit?: { readonly at: number; readonly name: string } | undefined
  readonly series: ReadonlyArray<Series>
}

const WIDTH = 640
const HEIGHT = 360
const LEFT = 64
const RIGHT = 16
const TOP = 44
const BOTTOM = 48

const escape = (text: string) =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;")

/** Round numbers from 0 up to at least this one, about five of them. */
const ticks = (max: number): ReadonlyArray<number> => {
  const rough = max / 5
  const unit = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * unit).find((each) => each >= rough) ?? rough
  return Array.from({ length: Math.ceil(max / step) + 1 }, (_, index) => index * step)
}

/** Powers of ten around these numbers. */
const decades = (min: number, max: number): ReadonlyArray<number> => {
  const from = Math.floor(Math.log10(min))
  const to = Math.max(from + 1, Math.ceil(Math.log10(max)))
  return Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index))
}

const label = (value: number) => value >= 1_000 ? `${value / 1_000}k` : String(Number(value.toPrecision(3)))

/** The plot; series without points are left out. */
export const svg = (options: PlotOptions): string => {
  const series = options.series.filter(({ points }) => points.length > 0)
  const all = series.flatMap(({ points }) => points)
  const ys = [...all.map(([, y]) => y), ...(options.limit === undefined ? [] : [options.limit.at])]
  const xTicks = ticks(Math.max(1, ...all.map(([x]) => x)))
  const yTicks = options.log === true
    ? decades(Math.max(1e-3, Math.min(...ys)), Math.max(...ys))
    : ticks(Math.max(1e-3, ...ys))
  const xMax = xTicks.at(-1) ?? 1
  const [yMin, yMax] = [yTicks[0] ?? 0, yTicks.at(-1) ?? 1]
  const px = (x: number) => LEFT + (WIDTH - LEFT - RIGHT) * x / xMax
  const share = (y: number) =>
    options.log === true
      ? (Math.log10(Math.max(y, yMin)) - Math.log10(yMin)) / (Math.log10(yMax) - Math.log10(yMin))
      : (y - yMin) / (yMax - yMin)
  const py = (y: number) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share(y)
  const at = (n: number) => n.toFixed(1)
  const lines = series.map(({ colour, name, points }) => {
    const path = points.map(([x, y], index) => `${index === 0 ? "M" : "L"}${at(px(x))} ${at(py(y))}`).join("")
    const dots = points.map(([x, y]) =>
      `<circle cx="${at(px(x))}" cy="${at(py(y))}" r="3.5" fill="${colour}"><title>${escape(name)}: ${label(x)}, ${
        label(y)
      }</title></circle>`
    ).join("")
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2.5"/>${dots}`
  })
  const legend = series.map(({ colour, name }, index) => {
    const y = TOP + 14 + 18 * index
    return `<rect x="${LEFT + 12}" y="${y - 9}" width="14" height="4" fill="${colour}"/><text x="${LEFT + 32}" y="${
      y - 3
    }">${escape(name)}</text>`
  })
  const limit = options.limit === undefined ?
    "" :
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(py(options.limit.at))}" y2="${
      at(py(options.limit.at))
    }" stroke="#888" stroke-dasharray="6 4"/><text x="${WIDTH - RIGHT}" y="${
      at(py(options.limit.at) - 5)
    }" text-anchor="end">${escape(options.limit.name)}</text>`
  const described = series.map(({ name, points }) =>
    `${name}: ${points.map(([x, y]) => `${label(x)} ${label(y)}`).join(", ")}`
  ).join("; ")
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="t d" font-family="system-ui, sans-serif" font-size="12" fill="#777">
<title id="t">${escape(options.title)}</title>
<desc id="d">${escape(described)}</desc>
<text x="${LEFT}" y="22" font-size="15" font-weight="600">${escape(options.title)}</text>
${
    yTicks.map((y) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(py(y))}" y2="${
        at(py(y))
      }" stroke="#888" stroke-opacity=".25"/><text x="${LEFT - 8}" y="${at(py(y) + 4)}" text-anchor="end">${
        label(y)
      }</text>`
    ).join("\n")
  }
${
    xTicks.map((x) => `<text x="${at(px(x))}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${label(x)}</text>`)
      .join(
        "\n"
      )
  }
<text x="${at((LEFT + WIDTH - RIGHT) / 2)}" y="${HEIGHT - 10}" text-anchor="middle">${escape(options.x)}</text>
<text transform="translate(16 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${
    escape(options.y)
  }</text>
${limit}
${lines.join("\n")}
${legend.join("\n")}
</svg>
`
}
