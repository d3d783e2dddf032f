import { Duration, Effect, Layer, type Scope } from "effect"
import { WebSocket } from "ws"
import * as Agent from "../../../src/agent/Agent.ts"
import type { BackendConfig } from "../../../src/backend/config/BackendConfig.ts"
import { BackendProvider } from "../../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import type { BackendError } from "../../../src/BackendError.ts"
import { type ConversationPolicy, defaultPolicy } from "../../../src/conversation/ConversationPolicy.ts"
import { provider } from "../../../src/providers/telephony/index.ts"
import type { VoiceSession } from "../../../src/session/VoiceSession.ts"
import { encode, SpokenAudioReader } from "../../../src/testing/scenario/SpokenAudio.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedRecogniser from "../../../src/testing/scripted/ScriptedRecogniser.ts"
import { serve } from "../../contract/LocalHarness.ts"
import { neverOverloaded } from "../../server/support.ts"

export const SECRET = "a secret of a carrier's flow"

/** 16 kHz both ways, so that samples arrive unchanged and words can be read from them. */
const RATE = 16_000
const FRAME = RATE / 50
const MS_PER_CHARACTER = 40
/** A busy machine may send a frame so late that it is missing when it should be played. */
const QUIET_AFTER_MS = 300
const quiet = new Int16Array(FRAME)

/** Repeats what it is told. */
export const echo = Agent.fromCallback((text) => Effect.succeed(`You said ${text}.`), { name: "echo" })

export interface Setup {
  readonly agent?: Agent.Agent
  readonly policy?: Partial<ConversationPolicy>
  readonly config?: Partial<Omit<BackendConfig, "provider" | "pipelineType" | "conversation" | "providerConfig">>
  /** Of the carrier `main`, as in a file. */
  readonly carrier?: { readonly [field: string]: unknown }
  readonly services?: Layer.Layer<never, BackendError> | Layer.Layer<unknown, BackendError>
}

/** A backend with the telephony provider and scripted engines behind the real server: one carrier, which speaks Telnyx' L16. */
export const start = Effect.fnUntraced(function*(setup: Setup = {}) {
  const backendLayer = VoiceBackend.layerSttTts({
    agent: setup.agent ?? echo,
    config: {
      drain: { mode: "turn", deadline: Duration.seconds(2) },
      overload: neverOverloaded,
      ...setup.config,
      conversation: { ...defaultPolicy, greeting: "", ...setup.policy },
      providerConfig: {
        carriers: [{ name: "main", kind: "stream", protocol: "telnyx", secret: SECRET, ...setup.carrier }]
      }
    }
  }).pipe(Layer.provide([
    Layer.succeed(BackendProvider, provider),
    ScriptedRecogniser.layer(),
    ScriptedEngines.layerTts({ msPerCharacter: MS_PER_CHARACTER, sampleRate: RATE }),
    ScriptedEngines.layerVad()
  ]))
  const context = yield* Layer.build(
    setup.services === undefined ? backendLayer : Layer.provide(backendLayer, setup.services)
  )
  const backend = yield* Effect.provide(Effect.service(VoiceBackend), context)
  const { url } = yield* serve(backend)
  return { backend, url: `${url.replace(/^http/u, "ws")}/telephony/main/media` }
})

export interface PhoneOptions {
  readonly call?: string
  readonly from?: string
  readonly to?: string
  readonly parameters?: { readonly [name: string]: string }
  /** Whether it sends silence while nobody speaks. Default: true. */
  readonly comfort?: boolean
  /** How late it plays what it gets, in ms. Default: 0. */
  readonly lagMs?: number
  /** What it tells of what it has played. Default: the truth. */
  readonly marks?: "honest" | "never" | "early" | "nonsense"
  readonly headers?: Record<string, string>
}

interface Waiting {
  readonly atMs: number
  readonly pcm?: Int16Array
  readonly mark?: string
}

/** The far end of a call: it plays at the speed of speech, tells what it has played, and drops what it has not. */
export class Phone {
  readonly socket: WebSocket
  readonly words: Array<string> = []
  /** The events of all messages that came. */
  readonly events: Array<string> = []
  closed: { readonly code: number; readonly reason: string } | undefined
  /** Messages with audio that came behind a `clear` before any mark that follows it. */
  received = 0
  /** How far ahead of its playing audio came, at most. */
  leadMs = 0
  readonly #options: PhoneOptions
  readonly #reader = new SpokenAudioReader((word) => this.words.push(word.text))
  readonly #watchers = new Set<() => void>()
  #queue: Array<Waiting> = []
  #endMs = 0
  #speech: Array<Int16Array> = []
  #isQuiet = true
  #chunk = 0
  #timer: NodeJS.Timeout | undefined
  #sentAt = performance.now()

  constructor(url: string, options: PhoneOptions = {}) {
    this.#options = options
    this.socket = new WebSocket(url, options.headers === undefined ? {} : { headers: options.headers })
    this.socket.on("error", () => {})
    this.socket.on("message", (data: Buffer) => {
      this.#receive(JSON.parse(data.toString()))
      this.#changed()
    })
    this.socket.on("close", (code, reason) => {
      clearInterval(this.#timer)
      this.#play(performance.now())
      this.#reader.push(quiet)
      this.closed = { code, reason: reason.toString() }
      this.#changed()
    })
  }

  /** Everything that was heard so far. */
  get heard(): string {
    return this.words.join(" ")
  }

  /** Tells the call and begins to send. */
  start(fields: object = {}): void {
    const { call = "c1", from, parameters, to } = this.#options
    this.send({
      event: "start",
      sequence_number: "1",
      stream_id: "s1",
      start: {
        call_control_id: call,
        user_id: "u1",
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        media_format: { encoding: "L16", sample_rate: RATE, channels: 1 },
        custom_parameters: { secret: SECRET, ...parameters },
        ...fields
      }
    })
    this.#sentAt = performance.now()
    this.#timer = setInterval(() => this.#tick(), 10)
  }

  send(message: object | string | Uint8Array): void {
    if (this.socket.readyState !== WebSocket.OPEN) return
    const isRaw = typeof message === "string" || message instanceof Uint8Array
    this.socket.send(isRaw ? message : JSON.stringify(message))
  }

  say(text: string): void {
    const pcm = encode(text, { sampleRate: RATE, msPerCharacter: MS_PER_CHARACTER })
    for (let at = 0; at < pcm.length; at += FRAME) {
      const frame = new Int16Array(FRAME)
      frame.set(pcm.subarray(at, at + FRAME))
      this.#speech.push(frame)
    }
  }

  audio(pcm: Int16Array): void {
    const payload = Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).toString("base64")
    this.send({
      event: "media",
      sequence_number: "2",
      stream_id: "s1",
      media: { track: "inbound", chunk: String(++this.#chunk), timestamp: "0", payload }
    })
  }

  hangUp(): void {
    this.send({ event: "stop", stream_id: "s1", stop: {} })
  }

  /** Ends when a condition holds, or with what was heard instead. */
  until(what: string, holds: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const look = () => {
        if (!holds()) return
        this.#watchers.delete(look)
        resume(Effect.void)
      }
      this.#watchers.add(look)
      look()
      return Effect.sync(() => this.#watchers.delete(look))
    }).pipe(
      Effect.timeoutOrElse({
        duration: "40 seconds",
        orElse: () =>
          Effect.die(
            new Error(`${what} does not come; heard "${this.heard}", closed ${JSON.stringify(this.closed)}`)
          )
      })
    )
  }

  #changed(): void {
    for (const look of this.#watchers) look()
  }

  #receive(message: { event: string; media?: { payload: string }; mark?: { name: string } }): void {
    const { lagMs = 0, marks = "honest" } = this.#options
    const now = performance.now()
    this.events.push(message.event)
    if (message.event === "media") {
      const bytes = Buffer.from(message.media?.payload ?? "", "base64")
      const pcm = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
      this.received++
      this.#endMs = Math.max(now + lagMs, this.#endMs) + pcm.length * 1_000 / RATE
      this.leadMs = Math.max(this.leadMs, this.#endMs - now - lagMs)
      this.#queue.push({ atMs: this.#endMs, pcm })
    } else if (message.event === "mark") {
      const mark = message.mark?.name ?? ""
      if (marks === "honest") this.#queue.push({ atMs: this.#endMs, mark })
      if (marks === "early") this.send({ event: "mark", stream_id: "s1", mark: { name: mark } })
      if (marks === "nonsense") {
        for (const name of ["0.1.999999999", "9.9.9", "", "x".repeat(300), mark.replace(/\d+$/, "999999999")]) {
          this.send({ event: "mark", stream_id: "s1", mark: { name } })
        }
      }
    } else if (message.event === "clear") {
      this.#play(now)
      this.#reader.cut()
      const dropped = this.#queue
      this.#queue = []
      this.#endMs = now
      for (const { mark } of dropped) if (mark !== undefined) this.#mark(mark)
    }
  }

  #mark(name: string): void {
    this.send({ event: "mark", sequence_number: "3", stream_id: "s1", mark: { name } })
  }

  #play(now: number): void {
    let played = 0
    for (const { atMs, mark, pcm } of this.#queue) {
      if (atMs > now) break
      played++
      if (pcm !== undefined) this.#reader.push(pcm)
      if (mark !== undefined) this.#mark(mark)
    }
    this.#queue.splice(0, played)
    if (played > 0) this.#isQuiet = false
    // nothing more comes: the last word is complete
    if (this.#queue.length === 0 && !this.#isQuiet && now > this.#endMs + QUIET_AFTER_MS) {
      this.#isQuiet = true
      this.#reader.push(quiet)
      played++
    }
    if (played > 0) this.#changed()
  }

  #tick(): void {
    const now = performance.now()
    this.#play(now)
    for (; this.#sentAt + 20 <= now; this.#sentAt += 20) {
      const frame = this.#speech.shift()
      if (frame !== undefined || this.#options.comfort !== false) this.audio(frame ?? quiet)
    }
  }
}

/** A phone that is connected, and has told its call. */
export const call = (url: string, options: PhoneOptions = {}): Effect.Effect<Phone, never, Scope.Scope> =>
  Effect.tap(dial(url, options), (phone) => Effect.sync(() => phone.start()))

/** A phone that is connected, and has not told its call yet. */
export const dial = (url: string, options: PhoneOptions = {}): Effect.Effect<Phone, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Phone>((resume) => {
      const phone = new Phone(url, options)
      phone.socket.once("open", () => resume(Effect.succeed(phone)))
      phone.socket.once("close", () => resume(Effect.die(new Error("the stream was not taken"))))
    }),
    (phone) => Effect.sync(() => phone.socket.terminate())
  )

/** The session of a backend that has one. */
export const only = (backend: VoiceBackend["Service"]): Effect.Effect<VoiceSession> =>
  Effect.flatMap(backend.listSessions, ([session, ...others]) =>
    session !== undefined && others.length === 0
      ? Effect.succeed(session)
      : Effect.die(new Error(`${others.length + (session === undefined ? 0 : 1)} sessions`)))

/** Lets sockets do their work; no time passes by the clock of a test. */
export const immediates = (times: number): Effect.Effect<void> =>
  Effect.repeat(
    Effect.callback<void>((resume) => {
      setImmediate(() => resume(Effect.void))
    }),
    { times: times - 1 }
  ).pipe(Effect.asVoid)
