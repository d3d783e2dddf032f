/**
 * One session's voices, one of each engine, opened when they are first needed.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { BackendError } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as EngineFailure from "../EngineFailure.ts"
import * as SessionSpeech from "../SessionSpeech.ts"
import type { TextToSpeech, TextToSpeechOptions, TextToSpeechStream } from "../TextToSpeech.ts"
import type { Guarded } from "./Resilience.ts"

type Engine = TextToSpeech["Service"]

/**
 * One engine's voice within a session.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionVoice {
  readonly stream: TextToSpeechStream
  readonly scope: Scope.Closeable
  /** The language that it was opened with. */
  readonly language: string | undefined
  users: number
  dropped: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionVoices {
  /** The session's voice of an engine, opened within the time where there is none. */
  readonly get: (index: number, waitMs: number) => Effect.Effect<SessionVoice, BackendError>
  /** The same for as long as the scope. */
  readonly use: (index: number, waitMs: number) => Effect.Effect<SessionVoice, BackendError, Scope.Scope>
  /** Gives up an engine's voice after a failure: closed once nothing uses it any more, and opened anew when needed. */
  readonly drop: (index: number) => Effect.Effect<void>
  /** Whether a voice of this engine has spoken in this session. */
  readonly hasSpoken: (index: number) => boolean
  readonly spoken: (index: number) => void
  /** The language that an engine is asked for. */
  readonly language: (index: number) => string | undefined
  /** The engine has failed in the language that the session changed to: `true` when it goes back to the one before. */
  readonly goBack: (index: number) => boolean
}

/**
 * Makes the voices of a session; they live at most as long as the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  engines: ReadonlyArray<Guarded<Engine>>,
  wanted: TextToSpeechOptions
): Effect.fn.Return<SessionVoices, never, Scope.Scope> {
  const parent = yield* Effect.scope
  const { currentLanguage, ...created } = wanted
  const slots = engines.map(({ engine }, index) => {
    const options = index === 0 ? created : SessionSpeech.supportedBy(engine, created)
    return {
      lock: Semaphore.makeUnsafe(1),
      voice: undefined as SessionVoice | undefined,
      spoken: false,
      options,
      /** What it is asked for, what it has spoken in, and what it has refused. */
      language: options.language,
      spokenIn: options.language,
      refused: undefined as string | undefined
    }
  })

  // what a failed engine does at its end must not keep the next one waiting
  const close = (scope: Scope.Closeable) => Effect.forkIn(Scope.close(scope, Exit.void), parent)

  /** What an engine is asked for now: the session's language may have changed to one that it takes. */
  const wantedOf = (engine: Engine, slot: (typeof slots)[number]): Omit<TextToSpeechOptions, "currentLanguage"> => {
    const current = currentLanguage?.()
    if (
      current !== undefined && current !== slot.refused && SessionSpeech.takesLanguage(engine, slot.options, current)
    ) slot.language = current
    return { ...slot.options, language: slot.language }
  }

  const get: SessionVoices["get"] = (index, waitMs) =>
    Effect.suspend(() => {
      const slot = slots[index]
      const engine = engines[index]?.engine
      if (slot === undefined || engine === undefined) return Effect.die(new RangeError(`no engine ${index}`))
      const asked = wantedOf(engine, slot)
      if (slot.voice !== undefined && slot.voice.language === asked.language) return Effect.succeed(slot.voice)
      const opening = Effect.gen(function*() {
        // another reply may have opened it meanwhile
        if (slot.voice !== undefined && slot.voice.language === asked.language) return slot.voice
        yield* drop(index)
        const scope = yield* Scope.fork(parent)
        const stream = yield* EngineFailure.asked("TextToSpeech.open", engine.name, () => engine.open(asked)).pipe(
          Scope.provide(scope),
          Effect.onError(() => close(scope))
        )
        return slot.voice = { stream, scope, language: asked.language, users: 0, dropped: false }
      })
      return slot.lock.withPermit(opening).pipe(
        deadline("TextToSpeech.open", `opening ${engine.name}`, Duration.millis(Math.max(1, waitMs)))
      )
    })

  const drop: SessionVoices["drop"] = (index) =>
    Effect.suspend(() => {
      const slot = slots[index]
      const voice = slot?.voice
      if (slot === undefined || voice === undefined) return Effect.void
      slot.voice = undefined
      voice.dropped = true
      return voice.users === 0 ? Effect.asVoid(close(voice.scope)) : Effect.void
    })

  const release = (voice: SessionVoice) =>
    Effect.suspend(() => --voice.users === 0 && voice.dropped ? Effect.asVoid(close(voice.scope)) : Effect.void)

  return {
    get,
    use: (index, waitMs) =>
      Effect.acquireRelease(
        Effect.tap(get(index, waitMs), (voice) => Effect.sync(() => void voice.users++)),
        release,
        { interruptible: true }
      ),
    drop,
    hasSpoken: (index) => slots[index]?.spoken === true,
    spoken: (index) => {
      const slot = slots[index]
      if (slot === undefined) return
      slot.spoken = true
      slot.spokenIn = slot.language
    },
    language: (index) => slots[index]?.language,
    goBack: (index) => {
      const slot = slots[index]
      if (slot === undefined || slot.language === slot.spokenIn) return false
      slot.refused = slot.language
      slot.language = slot.spokenIn
      return true
    }
  }
})
