/**
 * A user of the suite: a microphone that never pauses, a loudspeaker that plays at the speed of speech, and a client that
 * types, loses its network, reconnects and hangs up, over the connection that a harness makes.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { SessionAccess } from "../../backend/provider/BackendProvider.ts"
import type { BackendError } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { SessionEvent } from "../../session/SessionEvent.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import * as SpokenAudio from "../scenario/SpokenAudio.ts"
import { type ConformanceError, waitUntil } from "./Assertions.ts"
import type { ClientConnection, ConnectClient, Listener } from "./Harness.ts"
import * as TestTone from "./TestTone.ts"

const FRAME_MS = 20
const INPUT_RATE = 16_000
const FRAME = INPUT_RATE * FRAME_MS / 1000
const OUTPUT_RATE = 24_000
/** Faster than usual speech, to keep the suite short in real time. */
const MS_PER_CHARACTER = 40
/** Quieter samples count as silence: a codec does not keep zeros. */
const LOUD = 500

type EventOf<Type extends SessionEvent["type"]> = Extract<SessionEvent, { readonly type: Type }>

/**
 * A connected user.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConformanceClient {
  readonly session: VoiceSession
  /** Speaks a text; completes when all of it was sent. A busy room may lose the beginning of it: a short word is lost whole. */
  readonly say: (text: string) => Effect.Effect<void>
  /** Speaks 16 kHz PCM in real time. */
  readonly speak: (pcm: Int16Array) => Effect.Effect<void>
  /** Sends PCM all at once, faster than any microphone. */
  readonly flood: (pcm: Int16Array) => Effect.Effect<void>
  readonly type: (text: string) => Effect.Effect<void>
  /** Sends a client message as it is. */
  readonly send: (text: string) => Effect.Effect<void>
  readonly hangUp: Effect.Effect<void>
  readonly loseNetwork: Effect.Effect<void>
  readonly reconnect: Effect.Effect<void, BackendError>
  /** The words whose audio was played to their end so far. */
  readonly heard: Effect.Effect<string>
  /** Milliseconds of audible sound that were played so far. */
  readonly heardMs: Effect.Effect<number>
  /** All samples received, played or not, at 24 kHz. */
  readonly samples: () => ReadonlyArray<Int16Array>
  readonly events: ReadonlyArray<SessionEvent>
  readonly eventsOf: <const Type extends SessionEvent["type"]>(type: Type) => ReadonlyArray<EventOf<Type>>
  /** Waits for the nth event of a type, counted from 1. */
  readonly waitForEvent: <const Type extends SessionEvent["type"]>(
    type: Type,
    count?: number
  ) => Effect.Effect<EventOf<Type>, ConformanceError>
  /** Waits for the nth reply to end, counted from 1. */
  readonly waitForReply: (count?: number) => Effect.Effect<EventOf<"agent.speech_stopped">, ConformanceError>
  /** Frames received while no reply was playing: before one, after its end, or while it was paused or cleared. */
  readonly strayFrames: () => number
  /** Why the current connection ended. */
  readonly closeReason: () => string | undefined
}

/** Plays received frames one after the other; frames that are cleared before they play are not heard. */
class Loudspeaker {
  readonly samples: Array<Int16Array> = []
  readonly words: Array<string> = []
  #waiting: Array<{ readonly pcm: Int16Array; readonly endMs: number }> = []
  #playedUntilMs = 0
  #loudSamples = 0
  readonly #reader = new SpokenAudio.SpokenAudioReader((word) => this.words.push(word.text))

  get loudMs(): number {
    return this.#loudSamples * 1000 / OUTPUT_RATE
  }

  add(pcm: Int16Array, nowMs: number): void {
    this.play(nowMs)
    const startMs = Math.max(nowMs, this.#waiting.at(-1)?.endMs ?? this.#playedUntilMs)
    this.samples.push(pcm)
    this.#waiting.push({ pcm, endMs: startMs + pcm.length * 1000 / OUTPUT_RATE })
  }

  play(nowMs: number): void {
    let played = 0
    for (const { endMs, pcm } of this.#waiting) {
      if (endMs > nowMs) break
      played++
      this.#playedUntilMs = endMs
      this.#reader.push(pcm)
      for (const sample of pcm) if (Math.abs(sample) >= LOUD) this.#loudSamples++
    }
    if (played > 0) this.#waiting = this.#waiting.slice(played)
  }

  /** Drops the frames that have not been played. */
  clear(nowMs: number): void {
    this.play(nowMs)
    this.#waiting = []
    this.#reader.cut()
  }

  /** At the end of a reply the last played word is complete. */
  pause(): void {
    if (this.#waiting.length === 0) this.#reader.cut()
  }
}

const frames = (pcm: Int16Array): ReadonlyArray<Int16Array> =>
  Array.from({ length: Math.ceil(pcm.length / FRAME) }, (_, i) => {
    const frame = new Int16Array(FRAME)
    frame.set(pcm.subarray(i * FRAME, (i + 1) * FRAME))
    return frame
  })

const begins: ReadonlySet<SessionEvent["type"]> = new Set(["agent.speech_started", "agent.speech_resumed"])
const ends: ReadonlySet<SessionEvent["type"]> = new Set([
  "agent.speech_paused",
  "agent.speech_stopped",
  "playout.clear",
  "session.ended"
])
const quiet = new Int16Array(FRAME)

/**
 * Connects a user, until the scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = Effect.fnUntraced(function*(options: {
  readonly connectClient: ConnectClient
  readonly session: VoiceSession
  readonly access: SessionAccess
  /** The session is in another process, so its object is not passed on. */
  readonly remote?: boolean | undefined
  /** Samples arrive unchanged. Otherwise a tone of the same length replaces the encoded text. */
  readonly exactAudio?: boolean | undefined
}): Effect.fn.Return<ConformanceClient, BackendError, Scope.Scope> {
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const now = () => MonotonicTime.nowMs(clock)
  const loudspeaker = new Loudspeaker()
  const events: Array<SessionEvent> = []
  const queue: Array<Int16Array> = []
  let connection: { readonly client: ClientConnection; readonly scope: Scope.Closeable } | undefined
  let closed: string | undefined
  let speaking = false
  let stray = 0

  const connectOnce = Effect.gen(function*() {
    const connectionScope = yield* Scope.fork(scope)
    let current = true
    const listener: Listener = {
      audio: (pcm) => {
        if (!current) return
        if (!speaking) stray++
        loudspeaker.add(pcm, now())
      },
      clear: () => current ? loudspeaker.clear(now()) : undefined,
      event: (event) => {
        if (event.type === "playout.clear" && current) loudspeaker.clear(now())
        if (begins.has(event.type)) speaking = true
        if (ends.has(event.type)) speaking = false
        events.push(event)
      },
      closed: (reason) => {
        current = false
        closed = reason
      }
    }
    closed = undefined
    const client = yield* options.connectClient({
      id: options.session.id,
      session: options.remote === true ? undefined : options.session,
      access: options.access,
      listener
    }).pipe(
      Scope.provide(connectionScope),
      Effect.onError(() => Scope.close(connectionScope, Exit.void))
    )
    connection = { client, scope: connectionScope }
  })
  yield* connectOnce

  // a microphone sends all frames that are due, even when its timer fires late
  const startedAt = now()
  let sent = 0
  yield* Effect.sync(() => {
    const due = Math.floor((now() - startedAt) / FRAME_MS)
    for (; sent < due; sent++) {
      const frame = queue.shift() ?? quiet
      if (closed === undefined) connection?.client.audio(frame)
    }
  }).pipe(Effect.andThen(Effect.sleep(FRAME_MS)), Effect.forever, Effect.forkIn(scope))

  const leave = (how: (client: ClientConnection) => Effect.Effect<void>) =>
    Effect.suspend(() => {
      const former = connection
      connection = undefined
      loudspeaker.clear(now())
      return former === undefined
        ? Effect.void
        : Effect.andThen(how(former.client), Scope.close(former.scope, Exit.void))
    })
  const send = (text: string) => Effect.sync(() => connection?.client.message(text))
  const speak = (pcm: Int16Array) =>
    Effect.suspend(() => {
      queue.push(...frames(pcm))
      const last = queue.at(-1)
      return Effect.whileLoop({
        while: () => last !== undefined && queue.includes(last),
        body: () => Effect.sleep(FRAME_MS),
        step: () => {}
      })
    })
  const eventsOf: ConformanceClient["eventsOf"] = (type) =>
    events.filter((event): event is EventOf<typeof type> => event.type === type)
  const waitForEvent: ConformanceClient["waitForEvent"] = (type, count = 1) =>
    waitUntil(`event ${type} number ${count} arrives`, () => eventsOf(type)[count - 1])

  return {
    session: options.session,
    say: (text) =>
      speak(
        options.exactAudio === false
          ? TestTone.ms(text.length * MS_PER_CHARACTER, INPUT_RATE)
          : SpokenAudio.encode(text, { msPerCharacter: MS_PER_CHARACTER })
      ),
    speak,
    flood: (pcm) => Effect.sync(() => frames(pcm).forEach((frame) => connection?.client.audio(frame))),
    type: (text) => send(JSON.stringify({ type: "user.text", text })),
    send,
    hangUp: leave((client) => client.hangUp),
    loseNetwork: leave((client) => client.drop),
    reconnect: connectOnce,
    heard: Effect.sync(() => {
      loudspeaker.play(now())
      loudspeaker.pause()
      return loudspeaker.words.join(" ")
    }),
    heardMs: Effect.sync(() => {
      loudspeaker.play(now())
      return loudspeaker.loudMs
    }),
    samples: () => loudspeaker.samples,
    events,
    strayFrames: () => stray,
    eventsOf,
    waitForEvent,
    waitForReply: (count = 1) => waitForEvent("agent.speech_stopped", count),
    closeReason: () => closed
  }
})
