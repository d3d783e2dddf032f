/**
 * Two vendors' servers in virtual time, which answer each request as a draw decides: in full, never, empty, in text, with a
 * tool call, half, without an end; and whose messages are lost, repeated, exchanged and cut.
 */

/** A generator of numbers in [0, 1), the same for the same seed. */
export const generator = (seed: number): () => number => {
  let state = seed * 2_654_435_761 >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** How the model answers a request. */
const HOW = [
  "speaks",
  "never",
  "empty",
  "writes",
  "writes at the end",
  "calls a tool",
  "stalls",
  "has no end",
  "fails",
  "is filtered"
] as const
export type How = typeof HOW[number]

export interface ServerOptions {
  readonly random: () => number
  /** The probability of each fault of a message. */
  readonly faults: number
  /** The probability that how the model answers is drawn; otherwise it speaks. */
  readonly drawn: number
  /** Whether the model decides the user's turns. */
  readonly remote: boolean
  readonly answers: boolean
}

/** The server's side of one connection: its messages in order of arrival at the client. */
export abstract class SimulatedServer {
  protected readonly options: ServerOptions
  now = 0
  readonly seen: Map<string, number>
  #outbox: Array<{ at: number; text: string }> = []
  #later: Array<{ readonly at: number; readonly run: () => void }> = []
  #last = 0
  #hearing = false

  constructor(options: ServerOptions, now: number, seen: Map<string, number>) {
    this.options = options
    this.now = now
    this.seen = seen
  }

  abstract receive(message: string): void
  /** The user begins to speak, where the model decides turns. */
  protected abstract userSpeaks(): void
  /** The user has been silent for 300 ms. */
  protected abstract userStops(): void

  /** Hears audio; what comes at once is one utterance. */
  protected hear(audio: unknown): void {
    if (!this.options.remote || typeof audio !== "string") return
    if (Math.abs(Buffer.from(audio.slice(0, 8), "base64").readInt16LE()) < 1_000 || this.#hearing) return
    this.#hearing = true
    this.userSpeaks()
    this.after(300, () => {
      this.#hearing = false
      this.userStops()
    })
  }

  protected draw(): How {
    const how = this.options.random() < this.options.drawn
      ? HOW[Math.floor(this.options.random() * HOW.length)] ?? "speaks"
      : "speaks"
    this.seen.set(how, (this.seen.get(how) ?? 0) + 1)
    return how
  }

  protected after(ms: number, run: () => void): void {
    this.#later.push({ at: this.now + ms, run })
  }

  protected send(message: object): void {
    const { faults, random } = this.options
    const text = JSON.stringify(message)
    this.#last = Math.max(this.#last, this.now + 20 + random() * 100)
    if (random() < faults) return
    const cut = random() < faults
    this.#outbox.push({ at: this.#last, text: cut ? text.slice(0, text.length * random()) : text })
    if (random() < faults) this.#outbox.push({ at: this.#last, text })
    const [one, other] = this.#outbox.slice(-2)
    if (one !== undefined && other !== undefined && random() < faults) {
      const former = one.text
      one.text = other.text
      other.text = former
    }
  }

  /** Runs until `now` and returns what has arrived at the client. */
  run(now: number): ReadonlyArray<string> {
    while (true) {
      const next = this.#later.toSorted((one, other) => one.at - other.at).find(({ at }) => at <= now)
      if (next === undefined) break
      this.#later = this.#later.filter((other) => other !== next)
      this.now = next.at
      next.run()
    }
    this.now = now
    const arrived = this.#outbox.filter(({ at }) => at <= now)
    this.#outbox = this.#outbox.filter(({ at }) => at > now)
    return arrived.map(({ text }) => text)
  }
}

/** Audio that carries a number, so that a test knows whose it is. */
const audioOf = (stamp: number): string => Buffer.from(new Int16Array(480).fill(stamp).buffer).toString("base64")

/** The number in `say number 12`. */
const stampOf = (text: string): number => Number(/say number (\d+)/u.exec(text)?.[1] ?? 0)

interface Json {
  readonly [key: string]: unknown
}
const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null
const field = (value: unknown, ...path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>((found, key) => isJson(found) ? found[key] : undefined, value)

let names = 0

export class SimulatedOpenAi extends SimulatedServer {
  #active: string | undefined

  open(): void {
    this.send({ type: "session.created", session: {} })
  }

  receive(message: string): void {
    const event: unknown = JSON.parse(message)
    switch (field(event, "type")) {
      case "session.update":
        return this.send({ type: "session.updated" })
      case "input_audio_buffer.append":
        return this.hear(field(event, "audio"))
      case "input_audio_buffer.commit":
        return this.#commit()
      case "response.cancel": {
        const id = String(field(event, "response_id"))
        if (id !== this.#active) return
        this.#active = undefined
        return this.send({ type: "response.done", response: { id, status: "cancelled" } })
      }
      case "response.create": {
        const id = String(field(event, "event_id"))
        if (this.#active !== undefined && field(event, "response", "conversation") !== "none") {
          const code = "conversation_already_has_active_response"
          return this.send({ type: "error", error: { code, event_id: id } })
        }
        const stamp = stampOf(String(field(event, "response", "instructions")))
        return this.#respond(stamp, field(event, "response", "metadata"))
      }
    }
  }

  protected userSpeaks(): void {
    this.send({ type: "input_audio_buffer.speech_started", item_id: "u" })
    const cut = this.#active
    this.#active = undefined
    if (cut !== undefined) this.send({ type: "response.done", response: { id: cut, status: "cancelled" } })
  }

  protected userStops(): void {
    this.send({ type: "input_audio_buffer.speech_stopped", item_id: "u" })
    this.#commit()
    if (this.options.answers && this.#active === undefined) this.#respond(0, null)
  }

  #commit(): void {
    const item_id = `u${++names}`
    this.send({ type: "input_audio_buffer.committed", item_id })
    if (this.options.random() < this.options.drawn / 3) return
    const type = "conversation.item.input_audio_transcription.completed"
    this.after(50, () => this.send({ type, item_id, transcript: "words" }))
  }

  #respond(stamp: number, metadata: unknown): void {
    const how = this.draw()
    if (how === "never") return
    const response_id = `r${++names}`
    const about = { response_id, item_id: `i${names}`, content_index: 0 }
    this.#active = response_id
    const done = (status: string, more: object = {}) => {
      if (this.#active !== response_id) return
      this.#active = undefined
      this.send({ type: "response.done", response: { id: response_id, status, ...more } })
    }
    const item = (content: ReadonlyArray<object>) => ({ id: about.item_id, type: "message", content })
    this.send({ type: "response.created", response: { id: response_id, metadata } })
    this.after(100, () => {
      if (this.#active !== response_id) return
      switch (how) {
        case "empty":
          return done("completed")
        case "fails":
          return done("failed")
        case "is filtered":
          return done("incomplete", { status_details: { reason: "content_filter" } })
        case "writes":
          for (const delta of ["Some", " text."]) this.send({ type: "response.output_text.delta", ...about, delta })
          this.send({ type: "response.output_text.done", ...about, text: "Some text." })
          return done("completed", { output: [item([{ type: "output_text", text: "Some text." }])] })
        case "writes at the end":
          return done("completed", { output: [item([{ type: "output_text", text: "Some text." }])] })
        case "calls a tool": {
          const call = { call_id: `c${++names}`, name: "f", arguments: "{}" }
          this.send({ type: "response.function_call_arguments.done", ...about, ...call })
          return done("completed")
        }
      }
      for (let n = 0; n < 4; n++) {
        this.after(100 * n, () => {
          if (this.#active !== response_id) return
          if (how === "stalls" && n > 1) return
          this.send({ type: "response.output_audio_transcript.delta", ...about, delta: " word" })
          this.send({ type: "response.output_audio.delta", ...about, delta: audioOf(stamp) })
          if (n < 3) return
          this.send({ type: "response.output_audio.done", ...about })
          if (how !== "has no end") done("completed", { output: [item([{ type: "output_audio" }])] })
        })
      }
    })
  }
}

export class SimulatedGemini extends SimulatedServer {
  #turn = 0
  #generating = false
  #text: string | undefined
  #calls: ReadonlyArray<string> = []

  open(): void {}

  receive(message: string): void {
    const event: unknown = JSON.parse(message)
    if (field(event, "setup") !== undefined) return this.send({ setupComplete: {} })
    const input = field(event, "realtimeInput")
    if (field(input, "activityStart") !== undefined) {
      this.#text = undefined
      return this.#interrupt()
    }
    this.hear(field(input, "audio", "data"))
    const text = field(input, "text")
    if (typeof text === "string") {
      if (!this.options.remote) {
        this.#text = text
        return
      }
      this.#interrupt()
      return this.#answer(stampOf(text))
    }
    if (field(input, "activityEnd") !== undefined) return this.#answer(stampOf(this.#text ?? ""))
    const responses = field(event, "toolResponse", "functionResponses")
    if (!Array.isArray(responses)) return
    const ids = new Set(responses.map((response) => field(response, "id")))
    if (this.#calls.some((id) => ids.has(id))) {
      this.#calls = []
      this.#speak(this.#turn, 0, "speaks")
    }
  }

  protected userSpeaks(): void {
    this.send({ serverContent: { inputTranscription: { text: "some words" } } })
    this.#interrupt()
  }

  protected userStops(): void {
    this.#answer(0)
  }

  #interrupt(): void {
    if (!this.#generating) return
    this.#generating = false
    this.#turn++
    if (this.#calls.length > 0) this.send({ toolCallCancellation: { ids: this.#calls } })
    this.#calls = []
    this.send({ serverContent: { interrupted: true } })
    this.send({ serverContent: { turnComplete: true } })
  }

  #end(): void {
    this.#generating = false
    this.send({ serverContent: { generationComplete: true } })
    this.send({ serverContent: { turnComplete: true } })
  }

  #answer(stamp: number): void {
    const how = this.draw()
    const turn = ++this.#turn
    this.#generating = true
    this.after(100, () => {
      if (this.#turn !== turn) return
      switch (how) {
        case "never":
          return
        case "empty":
          this.#generating = false
          return this.send({ serverContent: { turnComplete: true } })
        case "fails":
          this.#generating = false
          return this.send({ serverContent: { generationComplete: true } })
        case "is filtered":
          return this.#interrupt()
        case "writes":
          this.send({ serverContent: { modelTurn: { parts: [{ text: "Thinking.", thought: true }] } } })
          this.send({ serverContent: { modelTurn: { parts: [{ text: "Some text." }] } } })
          return this.#end()
        case "writes at the end":
          this.send({ serverContent: { modelTurn: { parts: [{ text: "Some text." }] }, turnComplete: true } })
          this.#generating = false
          return
        case "calls a tool":
          this.#calls = [`c${++names}`]
          return this.send({ toolCall: { functionCalls: [{ id: this.#calls[0], name: "f", args: {} }] } })
      }
      this.#speak(turn, stamp, how)
    })
  }

  #speak(turn: number, stamp: number, how: How): void {
    for (let n = 0; n < 4; n++) {
      this.after(100 * n, () => {
        if (this.#turn !== turn || (how === "stalls" && n > 1)) return
        const inlineData = { mimeType: "audio/pcm;rate=24000", data: audioOf(stamp) }
        this.send({ serverContent: { outputTranscription: { text: "word " } } })
        this.send({ serverContent: { modelTurn: { parts: [{ inlineData }] } } })
        if (n === 3 && how !== "has no end") this.#end()
      })
    }
  }
}
