/**
 * The conversation on the page: interim and final transcripts of the user, the agent's words as they are played,
 * interrupted replies marked as such, and under each turn its latency and its incidents.
 *
 * @since 0.1.0
 */
import type { ServerMessage } from "../../../client/index.ts"
import { noteOf } from "../Incidents.ts"
import { LatencyChart } from "./LatencyChart.ts"

/** Older turns are removed from the page, so that a long conversation does not slow it down. */
const MAX_TURNS = 200

interface TurnView {
  readonly item: HTMLElement
  user?: { readonly line: HTMLElement; readonly said: HTMLElement } | undefined
  agent?: { readonly line: HTMLElement; readonly said: HTMLElement } | undefined
  text: string
  over: boolean
}

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
  #turns = new Map<number, TurnView>()
  #last = 0
  #typed: { readonly text: string; readonly view: TurnView } | undefined

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

  /** Empties the page; the session keeps its history. */
  clear(): void {
    this.#list.replaceChildren()
    this.#turns.clear()
    this.#typed = undefined
    this.#onChange(true)
  }

  /** A new session counts its turns from 1 again; those on the page stay as they are. */
  newSession(): void {
    for (const view of this.#turns.values()) view.over = true
    this.#turns.clear()
    this.#typed = undefined
    this.#last = 0
  }

  /** Shows what the user typed before the server confirms it. */
  typed(text: string): void {
    const view = this.#makeTurn()
    this.#setUser(view, text, false)
    this.#typed = { text, view }
    this.#follow(true)
  }

  receive(message: ServerMessage): void {
    const pinned = this.#isAtEnd()
    switch (message.type) {
      case "user.transcript": {
        if (message.text.trim() === "") return
        const view = this.#turn(message.turn, message.text)
        this.#setUser(view, message.text, message.final)
        if (message.final) this.#announceLine(`You: ${message.text}`)
        break
      }
      case "agent.transcript": {
        const view = this.#turn(message.turn)
        const glue = view.text === "" || /\s$/.test(view.text) || /^[\s,.;:!?]/.test(message.text) ? "" : " "
        view.text += glue + message.text
        this.#setAgent(view, view.text, "")
        break
      }
      case "agent.speech_stopped": {
        const view = this.#turn(message.turn)
        view.over = true
        if (message.reason !== "completed") this.#cut(view, message.text, message.reason)
        if (view.text.trim() !== "") this.#announceLine(`Agent: ${message.text}`)
        break
      }
      case "turn.latency": {
        const view = this.#turn(message.turn)
        view.item.querySelector(".latency")?.remove()
        view.item.append(this.#latency.add(message))
        break
      }
      default: {
        const note = noteOf(message)
        if (note === undefined) return
        const view = "turn" in message ? this.#turn(message.turn) : this.#turns.get(this.#last)
        if (view === undefined) return
        this.#note(view, note)
      }
    }
    this.#follow(pinned)
  }

  /** Adds a line on what happens beside the words. */
  #note({ item }: TurnView, text: string): void {
    const line = element("p", "tool")
    line.textContent = text
    item.append(line)
  }

  #turn(turn: number, text?: string): TurnView {
    this.#last = Math.max(this.#last, turn)
    const known = this.#turns.get(turn)
    const typed = this.#typed
    if (known !== undefined) return known
    // What was typed becomes the turn the server opens for it.
    if (typed !== undefined && (text === undefined || text.trim() === typed.text.trim())) {
      this.#typed = undefined
      this.#setUser(typed.view, typed.text, true)
      this.#turns.set(turn, typed.view)
      return typed.view
    }
    const view = this.#makeTurn()
    this.#turns.set(turn, view)
    return view
  }

  #makeTurn(): TurnView {
    const item = element("li", "turn")
    this.#list.append(item)
    while (this.#list.childElementCount > MAX_TURNS) this.#list.firstElementChild?.remove()
    return { item, text: "", over: false }
  }

  #setUser(view: TurnView, text: string, final: boolean): void {
    if (view.user === undefined) {
      this.#onChange(false)
      view.user = makeLine("You", "user-line")
      view.item.prepend(view.user.line)
    }
    view.user.line.classList.toggle("interim", !final)
    view.user.said.textContent = text
  }

  #setAgent(view: TurnView, heard: string, unheard: string): HTMLElement {
    if (view.agent === undefined) {
      view.agent = makeLine("Agent", "agent-line")
      const after = view.user?.line
      if (after === undefined) view.item.prepend(view.agent.line)
      else after.after(view.agent.line)
    }
    view.agent.said.textContent = heard
    if (unheard !== "") {
      const rest = element("s", "unheard")
      rest.textContent = unheard.trim()
      view.agent.said.append(" ", rest)
    }
    return view.agent.line
  }

  #cut(view: TurnView, said: string, reason: string): void {
    const unheard = view.text.startsWith(said) ? view.text.slice(said.length) : ""
    const line = this.#setAgent(view, said, unheard)
    const tag = element("span", `tag ${reason}`)
    tag.textContent = reason === "interrupted" ? "interrupted" : "could not finish"
    line.querySelector(".tag")?.remove()
    line.append(tag)
  }

  // Screen readers get finished lines only: interim words would talk over the agent.
  #announceLine(text: string): void {
    this.#announce.textContent = text
  }

  #isAtEnd(): boolean {
    const box = this.#box()
    return box.scrollHeight - box.scrollTop - box.clientHeight < 80
  }

  #follow(pinned: boolean): void {
    if (!pinned) return
    const box = this.#box()
    box.scrollTop = box.scrollHeight
  }

  // On a phone the page itself scrolls, because a scrolling box within it would catch the swipe.
  #box(): Element {
    const own = getComputedStyle(this.#scroll).overflowY !== "visible"
    return own ? this.#scroll : document.scrollingElement ?? document.documentElement
  }
}

const element = (tag: string, className: string): HTMLElement => {
  const node = document.createElement(tag)
  node.className = className
  return node
}

const makeLine = (who: string, className: string) => {
  const line = element("p", `line ${className}`)
  const name = element("span", "who")
  name.textContent = who
  const said = element("span", "said")
  line.append(name, said)
  return { line, said }
}
