/**
 * One user of a soak run: performs a scene over a real WebSocket in real time and counts the results.
 *
 * @since 0.1.0
 */
import { setTimeout as sleep } from "node:timers/promises"
import { WebSocket } from "ws"
import { edits, words } from "../../test/support/Wer.ts"
import type { Tally } from "./Report.ts"
import type { Act, Ending, Scene } from "./Scene.ts"

/** A recording at 16 kHz, its text, and the sample after which it is silent. */
export interface Spoken {
  readonly pcm: Int16Array
  readonly text: string
  readonly end: number
}

const FRAME = 320
const FRAME_MS = 20
/** A longer wait counts as no answer, in ms. */
const PATIENCE_MS = 20_000
const silence = Buffer.alloc(2 * FRAME)

/** Malformed messages and audio, and messages that are expensive to parse. */
const nonsense: ReadonlyArray<string | Buffer> = [
  "{",
  "[]",
  "null",
  "{\"type\":\"user.text\"}",
  "{\"type\":\"playout.position\",\"turn\":\"one\",\"played_ms\":-5}",
  `{"type":"user.text","text":${JSON.stringify("x".repeat(40_000))}}`,
  "[".repeat(30_000),
  Buffer.of(1),
  Buffer.alloc(999, 0xff)
]

interface Event {
  readonly type: string
  readonly turn?: number
  readonly text?: string
  readonly final?: boolean
  readonly code?: string
  readonly message?: string
  readonly resumed?: boolean
  readonly reason?: string
}

/** Something that is awaited: an event, or the first sound of an answer. */
interface Waiting {
  readonly wants: (event: Event) => boolean
  readonly done: (event: Event | undefined) => void
}

export const create = async (
  base: string
): Promise<{ readonly id: string; readonly url: string; readonly token: string }> => {
  const response = await fetch(`${base}/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user_id: "soak", transport: "websocket" })
  })
  const body: { readonly id: string; readonly connection_url: string; readonly token: string } = JSON.parse(
    await response.text()
  )
  if (response.status !== 201) throw new Error(`no session: ${response.status} ${JSON.stringify(body)}`)
  return { id: body.id, url: `${body.connection_url}?input_rate=16000`, token: body.token }
}

export class User {
  readonly #base: string
  readonly #recordings: ReadonlyArray<Spoken>
  readonly #tally: Tally
  readonly #signal: AbortSignal
  #session = { id: "", url: "", token: "" }
  #socket: WebSocket | undefined
  #scene = ""
  #act: Act["_tag"] | "begin" | "end" = "begin"
  #former = ""
  /** The last events, for the report of something unexpected. */
  #latest: Array<string> = []
  readonly #waiting = new Set<Waiting>()
  /** Frames that have not been sent yet. */
  #saying: Array<Buffer> = []
  #saidUntil: ((at: number) => void) | undefined
  #heard = ""
  #ended: string | undefined
  /** Turns whose reply was interrupted: none of their audio may arrive. */
  #speaking: number | undefined
  #cut = false

  constructor(base: string, recordings: ReadonlyArray<Spoken>, tally: Tally, signal: AbortSignal) {
    this.#base = base
    this.#recordings = recordings
    this.#tally = tally
    this.#signal = signal
  }

  /** A frame's time: the microphone never stops. */
  tick(): void {
    const socket = this.#socket
    if (socket?.readyState !== WebSocket.OPEN) return
    const frame = this.#saying.shift()
    socket.send(frame ?? silence)
    this.#tally.audioMs.in += FRAME_MS
    if (frame !== undefined && this.#saying.length === 0) this.#saidUntil?.(performance.now())
  }

  async play(scene: Scene, name: string): Promise<void> {
    this.#scene = name
    this.#session = await create(this.#base)
    this.#tally.sessions++
    await this.#connect(false)
    for (const act of scene.acts) {
      if (this.#signal.aborted || this.#ended !== undefined) break
      this.#former = this.#act
      this.#act = act._tag
      this.#note(`*${act._tag}`)
      await this.#do(act)
    }
    this.#act = "end"
    if (this.#ended === undefined) await this.#end(scene.ending)
    else this.#odd(`the session ended by itself: ${this.#ended}`)
  }

  #odd(what: string): void {
    this.#tally.unexpected.push(
      `${this.#scene}, ${this.#act} after ${this.#former}: ${what} [${this.#latest.join(" ")}]`
    )
  }

  #connect(resumes: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(this.#session.url, ["effect-voice.v1", `token.${this.#session.token}`])
      socket.binaryType = "nodebuffer"
      this.#socket = socket
      socket.on("message", (data: Buffer, binary: boolean) => {
        if (this.#socket !== socket) return
        if (binary) return this.#audio(data)
        const event: Event = JSON.parse(data.toString())
        this.#event(event)
        if (event.type === "session.started") {
          if (resumes && event.resumed === true) this.#tally.resumed++
          else if (resumes) this.#tally.lost++
          resolve()
        }
      })
      socket.on("unexpected-response", (_, response) => {
        if (resumes) this.#tally.lost++
        reject(new Error(`${this.#scene}, ${this.#act}: not let in: ${response.statusCode}`))
      })
      socket.on("error", (error) => reject(error))
      socket.on("close", (code) => {
        if (this.#socket === socket) this.#socket = undefined
        reject(new Error(`${this.#scene}, ${this.#act}: closed with ${code}`))
        this.#wake(undefined)
      })
    })
  }

  #audio(data: Buffer): void {
    this.#tally.audioMs.out += data.length / 48
    if (this.#cut && this.#tally.stale++ % 50 === 0) this.#odd("audio after the interruption")
    this.#wake({ type: "audio" })
  }

  #note(what: string): void {
    this.#latest = [...this.#latest.slice(-24), `${(performance.now() / 1_000).toFixed(2)}:${what}`]
  }

  #event(event: Event): void {
    this.#note([event.type, event.turn, event.reason].filter((part) => part !== undefined).join("/"))
    switch (event.type) {
      case "agent.speech_started":
        this.#cut = false
        this.#speaking = event.turn
        break
      case "agent.speech_resumed":
        this.#cut = false
        break
      case "playout.clear":
      case "agent.speech_paused":
        this.#cut = true
        break
      case "agent.speech_stopped":
        this.#speaking = undefined
        if (event.reason === "failed") this.#odd("a reply failed")
        break
      case "user.transcript":
        if (event.final === true) this.#heard += ` ${event.text ?? ""}`
        break
      case "session.ended":
        this.#ended = event.reason ?? ""
        this.#tally.endings[this.#ended] = (this.#tally.endings[this.#ended] ?? 0) + 1
        break
      case "error": {
        const code = event.code ?? ""
        const asked = ["nonsense", "flood", "oversize"].includes(this.#act)
        if (asked) this.#tally.expected[code] = (this.#tally.expected[code] ?? 0) + 1
        else this.#odd(`${code}: ${event.message}`)
      }
    }
    this.#wake(event)
  }

  /** `undefined`: the connection is lost. */
  #wake(event: Event | undefined): void {
    for (const waiting of this.#waiting) {
      if (event !== undefined && !waiting.wants(event)) continue
      this.#waiting.delete(waiting)
      waiting.done(event)
    }
  }

  /** Waits for the next matching event; `undefined` if it does not arrive in time. */
  #next(wants: (event: Event) => boolean, withinMs: number): Promise<Event | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting)
        resolve(undefined)
      }, withinMs)
      const waiting: Waiting = {
        wants,
        done: (event) => {
          clearTimeout(timer)
          resolve(event)
        }
      }
      this.#waiting.add(waiting)
    })
  }

  /** Says a recording; returns the time of its last word. */
  #say({ end, pcm }: Spoken): Promise<number> {
    this.#note("*speaks")
    return new Promise((resolve) => {
      for (let at = 0; at < pcm.length; at += FRAME) {
        const samples = pcm.subarray(at, at + FRAME)
        const frame = Buffer.alloc(2 * FRAME)
        frame.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength))
        this.#saying.push(frame)
      }
      const after = (pcm.length - end) / 16
      this.#saidUntil = (at) => {
        this.#saidUntil = undefined
        resolve(at - after)
      }
    })
  }

  async #quiet(): Promise<void> {
    while (this.#speaking !== undefined) {
      const stopped = await this.#next(({ type }) => type === "agent.speech_stopped", 120_000)
      if (stopped === undefined) return
    }
  }

  /** Says a recording and waits for the first sound of the answer. */
  async #ask(spoken: Spoken): Promise<boolean> {
    this.#heard = ""
    this.#tally.turns++
    const over = await this.#say(spoken)
    // an answer to the first half may have started and been retracted
    const answer = this.#speaking !== undefined && !this.#cut
      ? { type: "audio" }
      : await this.#next(({ type }) => type === "audio", PATIENCE_MS)
    if (answer === undefined) {
      this.#odd(`no answer to "${spoken.text}", of which was heard: "${this.#heard.trim()}"`)
      return false
    }
    this.#tally.answered++
    this.#tally.answerMs.push(performance.now() - over)
    const reference = words(spoken.text)
    this.#tally.words += reference.length
    this.#tally.wrongWords += Math.min(reference.length, edits(reference, words(this.#heard)))
    return true
  }

  async #return(awayMs: number): Promise<void> {
    this.#saying = []
    await sleep(awayMs)
    this.#cut = false
    await this.#connect(true)
  }

  async #do(act: Act): Promise<void> {
    switch (act._tag) {
      case "speak":
        await this.#ask(this.#recordings[act.recording]!)
        return this.#quiet()
      case "interrupt": {
        if (!await this.#ask(this.#recordings[act.recording]!)) return
        await sleep(act.afterMs)
        const by = this.#recordings[act.by]!
        if (this.#speaking === undefined) {
          this.#tally.tooLate++
          return
        }
        const cut = this.#next(({ type }) => type === "agent.speech_paused" || type === "agent.speech_stopped", 10_000)
        const began = performance.now()
        const asked = this.#ask(by)
        const how = await cut
        if (how?.type === "agent.speech_paused" || how?.reason === "interrupted") {
          this.#tally.interruptions++
          this.#tally.cutMs.push(performance.now() - began)
        } else {
          this.#tally.tooLate++
        }
        await asked
        return this.#quiet()
      }
      case "type": {
        this.#tally.typed++
        this.#socket?.send(JSON.stringify({ type: "user.text", text: "What is two plus three?" }))
        const said = await this.#next(
          ({ text, type }) => type === "agent.transcript" && /\b5\b|five/iu.test(text ?? ""),
          PATIENCE_MS
        )
        if (said === undefined) this.#odd("no answer to a text")
        return this.#quiet()
      }
      case "pause":
        await sleep(act.ms)
        return
      case "nonsense": {
        this.#socket?.send(nonsense[act.which % nonsense.length]!)
        await sleep(300)
        return
      }
      case "oversize": {
        const socket = this.#socket
        const closed = new Promise<number>((resolve) => socket?.once("close", resolve))
        socket?.send(Buffer.alloc(70_000))
        const code = await Promise.race([closed, sleep(5_000, 0)])
        if (code !== 1009) this.#odd(`a frame too big closed with ${code}`)
        return this.#return(act.awayMs)
      }
      case "drop":
        this.#socket?.terminate()
        return this.#return(act.awayMs)
      case "slow": {
        const socket = this.#socket
        socket?.pause()
        await sleep(act.ms)
        socket?.resume()
        return this.#quiet()
      }
      case "flood":
        for (let i = 0; i < act.messages; i++) this.#socket?.send("{\"type\":\"ping\"}")
        await sleep(1_000)
        return
      case "strangers":
        return this.#strangers()
    }
  }

  async #strangers(): Promise<void> {
    const knock = (url: string, token: string) =>
      new Promise<number>((resolve) => {
        const socket = new WebSocket(url, ["effect-voice.v1", `token.${token}`])
        socket.on("open", () => {
          socket.terminate()
          resolve(101)
        })
        socket.on("unexpected-response", (_, { statusCode }) => resolve(statusCode ?? 0))
        socket.on("error", () => resolve(0))
      })
    const { token, url } = this.#session
    const wrong = await knock(url, `${token.slice(0, -2)}AA`)
    const nowhere = await knock(url.replace(this.#session.id, "01000000-0000-7000-8000-000000000000"), token)
    this.#tally.strangersIn += [wrong, nowhere].filter((status) => status === 101).length
    const status = (await fetch(`${this.#base}/v1/sessions/no-such-session`)).status
    if (status !== 404) this.#odd(`a session that is none: ${status}`)
  }

  async #end(ending: Ending): Promise<void> {
    const socket = this.#socket
    const gone = new Promise<void>((resolve) =>
      socket === undefined ? resolve() : socket.once("close", () => resolve())
    )
    const ended = async (what: string) => {
      if (await Promise.race([gone.then(() => true), sleep(10_000, false)])) return
      this.#odd(`${what} did not end the session within 10 s`)
      socket?.terminate()
    }
    switch (ending) {
      case "message":
        socket?.send("{\"type\":\"session.end\"}")
        return ended("session.end")
      case "delete": {
        await fetch(`${this.#base}/v1/sessions/${this.#session.id}`, { method: "DELETE" })
        return ended("DELETE")
      }
      case "close":
        socket?.close(1000)
        await gone
        return
      case "die":
        return socket?.terminate()
      case "freeze":
        // the server must detect this by its unanswered pings
        this.#socket = undefined
        socket?.pause()
    }
  }
}
