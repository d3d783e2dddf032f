/**
 * One horizontal stacked bar per turn: where the time from the end of the user's speech to the first audio went.
 *
 * All bars of a page share one scale and one colour per part, so turns can be compared by eye.
 *
 * @since 0.1.0
 */
import type { TurnLatency } from "../../../client/index.ts"

const COLOURS = 8
/** One second fills the width until a turn takes longer. */
const MIN_SCALE_MS = 1_000

/** The parts the server knows, in the order in which they happen; any other name is shown as it is. */
const names: Readonly<Record<string, string>> = {
  vad: "silence",
  endpointing: "end of turn",
  transcript: "transcript",
  agent: "agent",
  clause: "first clause",
  tts: "voice",
  playout: "playout"
}

/**
 * @category models
 * @since 0.1.0
 */
export class LatencyChart {
  #scaleMs = MIN_SCALE_MS
  readonly #colours = new Map(Object.keys(names).map((name, index) => [name, index]))
  readonly #bars: Array<{ readonly bar: HTMLElement; readonly totalMs: number }> = []

  /** The bar and the legend of one turn. */
  add({ parts: all, totalMs }: TurnLatency): HTMLElement {
    const parts = all.filter((part) => part.ms > 0)
    const bar = make("div", "latency-bar")
    const legend = make("ul", "legend")
    for (const part of parts) {
      const colour = `part-${this.#colour(part.name)}`
      const slice = make("i", colour)
      slice.style.flexGrow = String(part.ms)
      slice.title = `${wording(part.name)}: ${round(part.ms)} ms`
      bar.append(slice)
      const entry = make("li", "")
      entry.append(make("i", colour), `${wording(part.name)} ${round(part.ms)}`)
      legend.append(entry)
    }
    bar.setAttribute("aria-hidden", "true")
    const track = make("div", "latency-track")
    track.append(bar)
    const total = make("span", "latency-total")
    total.textContent = `${round(totalMs)} ms`
    const row = make("div", "latency-row")
    row.append(track, total)
    const box = make("div", "latency")
    box.setAttribute("role", "group")
    box.setAttribute("aria-label", "Milliseconds to the first word of the answer")
    box.append(row, legend)

    this.#bars.push({ bar, totalMs })
    while (this.#bars.length > 200) this.#bars.shift()
    this.#scaleMs = Math.max(this.#scaleMs, totalMs)
    for (const each of this.#bars) each.bar.style.width = `${Math.min(100, (100 * each.totalMs) / this.#scaleMs)}%`
    return box
  }

  #colour(name: string): number {
    const known = this.#colours.get(name)
    if (known !== undefined) return known
    const next = this.#colours.size % COLOURS
    this.#colours.set(name, next)
    return next
  }
}

const wording = (name: string): string => names[name] ?? name.replaceAll("_", " ")

const round = (ms: number): string => (ms >= 10 ? String(Math.round(ms)) : ms.toFixed(1))

const make = (tag: string, className: string): HTMLElement => {
  const node = document.createElement(tag)
  if (className !== "") node.className = className
  return node
}
