/**
 * The conversation on the page: interim and final transcripts of the user, the agent's words as they are played,
 * interrupted replies marked as such, and under each turn its latency and its incidents.
 *
 * @since 0.1.0
 */
import type { CallIncident, CallState, TranscriptEntry, TurnLatency } from "../../../client/index.ts"
import { type Turn, turnsOf } from "../Turns.ts"
import { LatencyChart } from "./LatencyChart.ts"

/** What of a call's state is shown here. */
type Conversation = Pick<CallState, "incidents" | "latencies" | "transcript">

/** Elements by what they show, so that only what is another is made anew. */
interface Shown {
  readonly turns: Map<string, HTMLElement>
  readonly lines: Map<number, { readonly entry: TranscriptEntry; readonly line: HTMLElement }>
  readonly latencies: Map<TurnLatency, HTMLElement>
  readonly notes: Map<CallIncident, HTMLElement>
}

const nothing = (): Shown => ({ turns: new Map(), lines: new Map(), latencies: new Map(), notes: new Map() })

/**
 * @category models
 * @since 0.1.0
 */
export class ConversationView {
  readonly #list: HTMLElement
  readonly #scroll: HTMLElement
  readonly #announce: HTMLElement
  readonly #onChange: (isEmpty: boolean) => void
  readonly #latency = new LatencyChart()
  #conversation: Conversation = { incidents: [], latencies: [], transcript: [] }
  #shown = nothing()

  constructor(options: {
    readonly list: HTMLElement
    readonly scroll: HTMLElement
    readonly announce: HTMLElement
    /** Called with true while there are no words of the user: a greeting leaves what to try on the page. */
    readonly onChange: (isEmpty: boolean) => void
  }) {
    this.#list = options.list
    this.#scroll = options.scroll
    this.#announce = options.announce
    this.#onChange = options.onChange
  }

  render({ incidents, latencies, transcript }: Conversation): void {
    const former = this.#conversation
    if (
      incidents === former.incidents && latencies === former.latencies && transcript === former.transcript
    ) return
    this.#conversation = { incidents, latencies, transcript }
    const hasTyped = transcript.length > former.transcript.length && transcript.at(-1)?.turn === undefined
    const pinned = hasTyped || this.#isAtEnd()
    const shown = nothing()
    arrange(this.#list, turnsOf(this.#conversation).map((turn) => this.#turn(turn, shown)))
    this.#shown = shown
    this.#onChange(!transcript.some(({ role }) => role === "user"))
    if (pinned) this.#follow()
  }

  #turn({ entries, key, latency, notes }: Turn, shown: Shown): HTMLElement {
    const item = this.#shown.turns.get(key) ?? element("li", "turn")
    shown.turns.set(key, item)
    const lines = entries.map((entry) => {
      const former = this.#shown.lines.get(entry.id)
      const line = former?.line ?? makeLine(entry)
      if (former?.entry !== entry) {
        fill(line, entry)
        if (entry.final && former?.entry.final !== true && entry.text.trim() !== "") this.#announceLine(entry)
      }
      shown.lines.set(entry.id, { entry, line })
      return line
    })
    const chart = latency === undefined ? [] : [this.#shown.latencies.get(latency) ?? this.#latency.add(latency)]
    for (const each of chart) if (latency !== undefined) shown.latencies.set(latency, each)
    const rest = notes.map((note) => {
      const known = this.#shown.notes.get(note)
      const line = known ?? element("p", "tool")
      if (known === undefined) line.textContent = note.text
      shown.notes.set(note, line)
      return line
    })
    arrange(item, [...lines, ...chart, ...rest])
    return item
  }

  // Screen readers get finished lines only: interim words would talk over the agent.
  #announceLine({ role, text }: TranscriptEntry): void {
    this.#announce.textContent = `${role === "user" ? "You" : "Agent"}: ${text}`
  }

  #isAtEnd(): boolean {
    const box = this.#box()
    return box.scrollHeight - box.scrollTop - box.clientHeight < 80
  }

  #follow(): void {
    const box = this.#box()
    box.scrollTop = box.scrollHeight
  }

  // On a phone the page itself scrolls, because a scrolling box within it would catch the swipe.
  #box(): Element {
    const own = getComputedStyle(this.#scroll).overflowY !== "visible"
    return own ? this.#scroll : document.scrollingElement ?? document.documentElement
  }
}

/** Gives the parent these children, and moves only those that are not where they were. */
const arrange = (parent: HTMLElement, children: ReadonlyArray<HTMLElement>): void => {
  children.forEach((child, at) => {
    const there = parent.children[at]
    if (there !== child) parent.insertBefore(child, there ?? null)
  })
  while (parent.childElementCount > children.length) parent.lastElementChild?.remove()
}

const element = (tag: string, className: string): HTMLElement => {
  const node = document.createElement(tag)
  node.className = className
  return node
}

const makeLine = ({ role }: TranscriptEntry): HTMLElement => {
  const line = element("p", `line ${role}-line`)
  const name = element("span", "who")
  name.textContent = role === "user" ? "You" : "Agent"
  line.append(name, element("span", "said"))
  return line
}

const fill = (line: HTMLElement, { end, final, role, text, unheard }: TranscriptEntry): void => {
  line.classList.toggle("interim", role === "user" && !final)
  const said = line.querySelector(".said")
  if (said === null) return
  said.textContent = text
  line.querySelector(".tag")?.remove()
  if (unheard !== "") {
    const rest = element("s", "unheard")
    rest.textContent = unheard
    said.append(" ", rest)
  }
  if (end === undefined || end === "completed") return
  const tag = element("span", `tag ${end}`)
  tag.textContent = end === "interrupted" ? "interrupted" : "could not finish"
  line.append(tag)
}
