/**
 * A user of the suite: a microphone that never pauses, a loudspeaker that plays at the speed of speech, and a client that
 * types, loses its network, comes back and hangs up. All over a harness' line.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { SessionAccess } from "../../backend/provider/BackendProvider.ts"
import type { BackendError } from "../../BackendError.ts"
import type { SessionEvent } from "../../session/SessionEvent.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import * as SpokenAudio from "../scenario/SpokenAudio.ts"
import { type ConformanceError, until } from "./Assertions.ts"
import type { Dial, Line, Listener } from "./Harness.ts"
import * as TestTone from "./TestTone.ts"

const FRAME_MS = 20
const INPUT_RATE = 16_000
const FRAME = INPUT_RATE * FRAME_MS / 1000
const OUTPUT_RATE = 24_000
/** A quick speaker, so that the suite is quick in real time. */
const MS_PER_CHARACTER = 40
/** Quieter than this is a codec's idea of silence. */
const LOUD = 500

/** An event by its type. */
type EventOf<Type extends SessionEvent["type"]> = Extract<SessionEvent, { readonly type: Type }>

/**
 * Someone on the line.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConformanceClient {
  readonly session: VoiceSession
  /** Speaks a text; ends when it has been said. */
  readonly say: (text: string) => Effect.Effect<void>
  /** Speaks PCM at 16 kHz, at the speed of speech. */
  readonly speak: (pcm: Int16Array) => Effect.Effect<void>
  /** Sends PCM at once, as a microphone never would. */
  readonly flood: (pcm: Int16Array) => Effect.Effect<void>
  readonly type: (text: string) => Effect.Effect<void>
  /** A message of the client, as it stands. */
  readonly send: (text: string) => Effect.Effect<void>
  readonly hangUp: Effect.Effect<void>
  readonly loseNetwork: Effect.Effect<void>
  readonly comeBack: Effect.Effect<void, BackendError>
  /** The words that were heard to their end so far. */
  readonly heard: Effect.Effect<string>
  /** Milliseconds of audible sound that were played so far. */
  readonly heardMs: Effect.Effect<number>
  /** All samples that came, played or not, 24 kHz. */
  readonly samples: () => ReadonlyArray<Int16Array>
  readonly events: ReadonlyArray<SessionEvent>
  readonly of: <const Type extends SessionEvent["type"]>(type: Type) => ReadonlyArray<EventOf<Type>>
  /** Waits for the nth event of a type, counted from 1. */
  readonly told: <const Type extends SessionEvent["type"]>(
    type: Type,
    count?: number
  ) => Effect.Effect<EventOf<Type>, ConformanceError>
  /** Waits until so many replies are over, and gives the last. */
  readonly answered: (count?: number) => Effect.Effect<EventOf<"agent.speech_stopped">, ConformanceError>
  /** Frames that came where none may: before a reply, after its end, or while it was paused or cleared. */
  readonly stray: () => number
  /** Why the present line ended. */
  readonly closed: () => string | undefined
}

/** Plays what arrives, each frame after the one before; what is cleared in time is not heard. */
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

  /** What waits is not heard. */
  clear(nowMs: number): void {
    this.play(nowMs)
    this.#waiting = []
    this.#reader.cut()
  }

  /** A reply is over: the last word of what has been played is whole. */
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
 * Connects a user, who is on the line while the scope lives.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = Effect.fnUntraced(function*(options: {
  readonly dial: Dial
  readonly session: VoiceSession
  readonly access: SessionAccess
  /** In another process there is none to hand over. */
  readonly remote?: boolean | undefined
  /** The line keeps spelt speech; else the user hums for as long. */
  readonly spells?: boolean | undefined
}): Effect.fn.Return<ConformanceClient, BackendError, Scope.Scope> {
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const now = () => clock.currentTimeMillisUnsafe()
  const loudspeaker = new Loudspeaker()
  const events: Array<SessionEvent> = []
  const queue: Array<Int16Array> = []
  let line: { readonly at: Line; readonly scope: Scope.Closeable } | undefined
  let closed: string | undefined
  let speaking = false
  let stray = 0

  const dial = Effect.gen(function*() {
    const lineScope = yield* Scope.fork(scope)
    let mine = true
    const ear: Listener = {
      audio: (pcm) => {
        if (!mine) return
        if (!speaking) stray++
        loudspeaker.add(pcm, now())
      },
      clear: () => mine ? loudspeaker.clear(now()) : undefined,
      event: (event) => {
        if (event.type === "playout.clear" && mine) loudspeaker.clear(now())
        if (begins.has(event.type)) speaking = true
        if (ends.has(event.type)) speaking = false
        events.push(event)
      },
      closed: (reason) => {
        mine = false
        closed = reason
      }
    }
    closed = undefined
    const at = yield* options.dial({
      id: options.session.id,
      session: options.remote === true ? undefined : options.session,
      access: options.access,
      ear
    }).pipe(
      Scope.provide(lineScope),
      Effect.onError(() => Scope.close(lineScope, Exit.void))
    )
    line = { at, scope: lineScope }
  })
  yield* dial

  // a microphone sends what is due, however late it is called
  const startedAt = now()
  let sent = 0
  yield* Effect.sync(() => {
    const due = Math.floor((now() - startedAt) / FRAME_MS)
    for (; sent < due; sent++) {
      const frame = queue.shift() ?? quiet
      if (closed === undefined) line?.at.audio(frame)
    }
  }).pipe(Effect.andThen(Effect.sleep(FRAME_MS)), Effect.forever, Effect.forkIn(scope))

  const leave = (how: (line: Line) => Effect.Effect<void>) =>
    Effect.suspend(() => {
      const former = line
      line = undefined
      loudspeaker.clear(now())
      return former === undefined
        ? Effect.void
        : Effect.andThen(how(former.at), Scope.close(former.scope, Exit.void))
    })
  const send = (text: string) => Effect.sync(() => line?.at.message(text))
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
  const of: ConformanceClient["of"] = (type) =>
    events.filter((event): event is EventOf<typeof type> => event.type === type)
  const told: ConformanceClient["told"] = (type, count = 1) =>
    until(`event ${type}, ${count} of them`, () => of(type)[count - 1])

  return {
    session: options.session,
    say: (text) =>
      speak(
        options.spells === false
          ? TestTone.ms(text.length * MS_PER_CHARACTER, INPUT_RATE)
          : SpokenAudio.encode(text, { msPerCharacter: MS_PER_CHARACTER })
      ),
    speak,
    flood: (pcm) => Effect.sync(() => frames(pcm).forEach((frame) => line?.at.audio(frame))),
    type: (text) => send(JSON.stringify({ type: "user.text", text })),
    send,
    hangUp: leave((at) => at.hangUp),
    loseNetwork: leave((at) => at.drop),
    comeBack: dial,
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
    stray: () => stray,
    of,
    told,
    answered: (count = 1) => told("agent.speech_stopped", count),
    closed: () => closed
  }
})
