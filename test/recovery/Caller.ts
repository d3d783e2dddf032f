/** A user who speaks over a real WebSocket, notes what the server says is safe, and calls again when the line breaks. */
import { WebSocket } from "ws"
import * as Pcm from "../../src/audio/Pcm.ts"
import type { HistoryItem } from "../../src/conversation/History.ts"
import * as SessionEvent from "../../src/session/SessionEvent.ts"
import { encode, SpokenAudioReader } from "../../src/testing/scenario/SpokenAudio.ts"
import { whenThereIsRoom } from "../support/Room.ts"

const FRAME = 320
/** Of the scripted voice. */
const MS_PER_CHARACTER = 50
const quiet = new Int16Array(FRAME)

/** What the server has said of the conversation. */
interface Told {
  readonly seq: number
  readonly role: "user" | "agent"
  readonly turn: number
  readonly text: string
}

/** How a caller behaves where several servers could take them. */
export interface CallerOptions {
  /** The server that is asked after a break, as a load balancer would choose. Default: the one that was called. */
  readonly next?: (() => string) | undefined
  /** What servers answer while nobody can take the session yet. Default: 502. */
  readonly later?: ReadonlyArray<number> | undefined
}

/** A server that is frozen accepts connections and says nothing. */
const HANDSHAKE_MS = 10_000

export class Caller {
  readonly name: string
  readonly #options: CallerOptions
  #base: string
  #session: { readonly id: string; readonly url: string; readonly token: string } | undefined
  #socket: WebSocket | undefined
  #frames: Array<Int16Array> = []
  #microphone: NodeJS.Timeout | undefined
  #ended = false
  #isAway = false
  /** Told, and not known to be safe yet. */
  #told: Array<Told> = []
  readonly safe: Array<Told> = []
  readonly problems: Array<string> = []
  /** How long it took from the break to the words "resumed", in ms. */
  readonly recoveries: Array<number> = []
  /** The close codes of the lines that the other side broke. */
  readonly cuts: Array<number> = []
  /** What a server still sent on a line that was given up: its events. */
  readonly late: Array<SessionEvent.SessionEvent> = []
  /** The close codes of the lines that were given up. */
  readonly lateCodes: Array<number> = []
  /** The last answer that refused its connection: problem JSON. */
  refusal = ""
  /** The URL that its session was given when it was created. */
  createdAt = ""
  #brokenAt: number | undefined
  #seq = 0
  #said = 0
  /** What has been heard of the reply in flight. */
  #heard = ""
  #ear = this.#newEar()
  #signAt = performance.now()
  #speakingTurn: number | undefined
  turns = 0
  /** The most that was heard of an unfinished reply and is not in the history, in ms. */
  lostMs = 0

  constructor(name: string, base: string, options: CallerOptions = {}) {
    this.name = name
    this.#base = base
    this.#options = options
  }

  get id(): string {
    return this.#session?.id ?? ""
  }

  get isConnected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN && this.#brokenAt === undefined
  }

  get url(): string {
    return this.#session?.url ?? ""
  }

  get token(): string {
    return this.#session?.token ?? ""
  }

  /** Creates the session and calls: at the URL that it is given, or at the server that `through` chooses. */
  async create(through?: (url: string) => string): Promise<void> {
    const response = await whenThereIsRoom(() =>
      fetch(`${this.#base}/v1/sessions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ user_id: this.name, transport: "websocket", metadata: { caller: this.name } })
      })
    )
    const { connection_url: url, id, token } = await response.json() as Record<string, string>
    if (id === undefined || url === undefined || token === undefined) throw new Error(`not created: ${response.status}`)
    this.#session = { id, url, token }
    this.createdAt = url
    if (through !== undefined) this.#reachAt(through(url))
    this.#connect()
    this.#microphone = setInterval(() => {
      if (this.#socket?.readyState !== WebSocket.OPEN) return
      this.#socket.send(Pcm.fromInt16(this.#frames.shift() ?? quiet))
      // what was being said when the line broke is said again
      if (this.#frames.length === 0 && performance.now() - this.#signAt > 3_000) this.say()
    }, 20)
  }

  /** From now on another server is called, as a load balancer would have it. */
  moveTo(base: string): void {
    this.#reachAt(base)
    this.#base = base
  }

  #reachAt(base: string): void {
    const session = this.#session
    if (session === undefined) return
    this.#session = { ...session, url: session.url.replace(new URL(session.url).host, new URL(base).host) }
  }

  /** Gives the line up without a word and calls again, as when nothing is heard any more. */
  giveUp(): void {
    const socket = this.#socket
    this.#brokenAt ??= performance.now()
    this.#socket = undefined
    socket?.removeAllListeners("message")
    socket?.on("message", (data: Buffer, isBinary) => {
      const read = isBinary ? undefined : SessionEvent.fromJson(data.toString())
      if (read?._tag === "Success") this.late.push(read.success)
    })
    socket?.once("close", (code) => this.lateCodes.push(code))
    this.#callAgain()
  }

  /** Does not call again when the line breaks, until `comeBack`. */
  stayAway(): void {
    this.#isAway = true
  }

  comeBack(): void {
    this.#isAway = false
    if (this.#brokenAt !== undefined) this.#callAgain()
  }

  #callAgain(): void {
    if (this.#isAway) return
    if (this.#options.next !== undefined) this.moveTo(this.#options.next())
    this.#connect()
  }

  #connect(): void {
    const session = this.#session
    if (session === undefined || this.#ended) return
    const socket = new WebSocket(session.url, ["effect-voice.v1", `token.${session.token}`], {
      handshakeTimeout: HANDSHAKE_MS
    })
    this.#socket = socket
    socket.on("message", (data: Buffer, isBinary) => isBinary ? this.#audio(data) : this.#event(data.toString()))
    socket.on("unexpected-response", (_request, response) => {
      // another process holds it until its lease is over: 502; anything else is final
      const { later = [502] } = this.#options
      if (!later.includes(response.statusCode ?? 0)) this.problems.push(`refused with ${response.statusCode}`)
      response.on("data", (data: Buffer) => this.refusal = data.toString())
      socket.emit("close")
    })
    socket.on("error", () => {})
    socket.once("close", (code) => {
      if (this.#ended || this.#socket !== socket) return
      if (this.#brokenAt === undefined) this.cuts.push(code)
      this.#brokenAt ??= performance.now()
      setTimeout(() => this.#socket === socket ? this.#callAgain() : undefined, 50)
    })
  }

  #audio(data: Buffer): void {
    this.#signAt = performance.now()
    this.#ear.push(Pcm.toInt16(new Uint8Array(data)))
  }

  #newEar(): SpokenAudioReader {
    this.#heard = ""
    return new SpokenAudioReader((word) => {
      this.#heard += ` ${word.text}`
    })
  }

  #event(text: string): void {
    this.#signAt = performance.now()
    const read = SessionEvent.fromJson(text)
    if (read._tag === "Failure") throw read.failure
    const event = read.success
    if (event.seq <= this.#seq) this.problems.push(`event ${event.seq} after event ${this.#seq}`)
    this.#seq = event.seq
    switch (event.type) {
      case "session.started":
        if (this.#brokenAt === undefined) break
        if (!event.resumed) this.problems.push("the session began anew")
        this.recoveries.push(performance.now() - this.#brokenAt)
        this.#brokenAt = undefined
        this.#frames = []
        // what was not safe when the line broke is nobody's word
        this.#told = []
        void this.#check()
        break
      case "user.transcript":
        if (event.final) this.#told.push({ seq: event.seq, role: "user", turn: event.turn, text: event.text })
        break
      case "agent.speech_started":
        this.#ear = this.#newEar()
        this.#speakingTurn = event.turn
        break
      case "agent.speech_stopped":
        this.#speakingTurn = undefined
        if (event.text !== "") {
          this.#told.push({ seq: event.seq, role: "agent", turn: event.turn, text: event.text })
        }
        if (event.reason === "completed") this.#next()
        break
      case "session.saved":
        this.safe.push(...this.#told.filter(({ seq }) => seq <= event.through))
        this.#told = this.#told.filter(({ seq }) => seq > event.through)
        break
      case "session.ended":
        if (!this.#ended) this.problems.push(`ended: ${event.reason}`)
        break
    }
  }

  #next(): void {
    this.turns++
    this.say()
  }

  say(): void {
    this.#signAt = performance.now()
    const pcm = encode(`number ${++this.#said}`)
    for (let at = 0; at < pcm.length; at += FRAME) {
      const frame = new Int16Array(FRAME)
      frame.set(pcm.subarray(at, at + FRAME))
      this.#frames.push(frame)
    }
  }

  async history(): Promise<ReadonlyArray<HistoryItem>> {
    const response = await fetch(`${this.#base}/v1/sessions/${this.#session?.id}/history`)
    const { history } = await response.json() as { history?: ReadonlyArray<HistoryItem> }
    if (history === undefined) this.problems.push(`no history: ${response.status}`)
    return history ?? []
  }

  /** After a break: is everything there, once, in order? */
  async #check(): Promise<void> {
    const speakingTurn = this.#speakingTurn
    const heard = this.#heard.trim()
    this.#speakingTurn = undefined
    const safe = [...this.safe]
    const history = await this.history()
    let at = -1
    for (const { role, text, turn } of safe) {
      const found = history.flatMap((item, index) =>
        item.role === role && item.turn === turn && item.text.startsWith(text) ? [index] : []
      )
      if (found.length !== 1) this.problems.push(`${role} ${turn} "${text}" stands ${found.length} times`)
      if (found[0] !== undefined && found[0] <= at) this.problems.push(`${role} ${turn} stands out of order`)
      at = found[0] ?? at
    }
    // a reply in flight: at most the last second of it, and what was on its way, is missing
    if (speakingTurn !== undefined && heard !== "") {
      const kept = history.findLast((item) => item.role === "agent" && item.turn === speakingTurn)?.text ?? ""
      const lostMs = (heard.length - kept.length) * MS_PER_CHARACTER
      this.lostMs = Math.max(this.lostMs, lostMs)
    }
  }

  async end(): Promise<void> {
    this.#ended = true
    clearInterval(this.#microphone)
    const socket = this.#socket
    if (socket?.readyState === WebSocket.OPEN) {
      const closed = new Promise((resolve) => {
        socket.once("close", resolve)
        setTimeout(resolve, 5_000)
      })
      socket.send(JSON.stringify({ type: "session.end" }))
      await closed
    }
  }
}
