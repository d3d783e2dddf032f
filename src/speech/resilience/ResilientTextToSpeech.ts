/**
 * Makes one resilient voice of several text-to-speech engines.
 *
 * Engines make one attempt at a sentence; whatever fails is retried, failed over and cut to what is new here
 * (`SentenceSpeech`). The caller sees an ordinary engine at the first one's sample rate. Each session opens an engine when
 * it first needs it; circuit breakers are shared by all sessions of the result.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Resampler from "../../audio/resampling/Resampler.ts"
import type { BackendError, InvalidConfig } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { TextSettings } from "../TextSettings.ts"
import type { TextToSpeech, TextToSpeechOptions, TextToSpeechStream } from "../TextToSpeech.ts"
import { FailoverBudget } from "./FailoverBudget.ts"
import * as Resilience from "./Resilience.ts"
import * as SentenceSpeech from "./SentenceSpeech.ts"
import * as SentenceText from "./SentenceText.ts"
import * as SessionVoices from "./SessionVoices.ts"

type Engine = TextToSpeech["Service"]

const noSettings: TextSettings = {}

const made = new WeakSet<Engine>()

/**
 * Whether an engine was made by `make`. Made resilient once more it would retry what has been given up.
 *
 * @category guards
 * @since 0.1.0
 */
export const isResilient = (engine: Engine): boolean => made.has(engine)

/**
 * Makes a voice of these engines, the preferred one first. `timeout` bounds the time to the first audio of a sentence, all
 * engines and retries together; an engine that has begun may pause as long as its share of it. An engine's own
 * `startTimeout` and `stallTimeout` hold, too.
 *
 * Fails `invalid_config` when the rates differ and the converter is missing. `open` fails when no engine can be opened,
 * `speak` with the last failure when no engine could begin a sentence. What of a session's own voice and language a
 * fallback does not support is left to its own choice.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  engines: Arr.NonEmptyReadonlyArray<Engine>,
  options: Resilience.ResilienceOptions = {}
): Effect.fn.Return<Engine, InvalidConfig> {
  const [first] = engines
  const guarded = yield* Resilience.guard(engines, options)
  if (engines.some(({ sampleRate }) => sampleRate !== first.sampleRate)) yield* Resampler.load
  const textOf = SentenceText.make(engines)
  const engine: Engine = {
    name: first.name,
    members: Resilience.members(guarded),
    sampleRate: first.sampleRate,
    capabilities: {
      voices: first.capabilities.voices,
      languages: first.capabilities.languages,
      language: first.capabilities.language,
      normalisesText: first.capabilities.normalisesText,
      tags: SentenceText.tagsOf(engines)
    },
    refuse: first.refuse,
    open: (session) => open(guarded, first.sampleRate, options, textOf, session)
  }
  made.add(engine)
  return engine
})

const open = Effect.fnUntraced(function*(
  engines: ReadonlyArray<Resilience.Guarded<Engine>>,
  outputRate: number,
  options: Resilience.ResilienceOptions,
  textOf: ReturnType<typeof SentenceText.make>,
  session: TextToSpeechOptions
): Effect.fn.Return<TextToSpeechStream, BackendError, Scope.Scope> {
  const { onIncident: _, textSettings = () => noSettings, ...wanted } = session
  const settings = Resilience.settings(options)
  const report = yield* Resilience.reporter("tts", engines, session, options)
  const voices = yield* SessionVoices.make(engines, wanted)

  // one engine is enough to start; the others are opened when they are needed
  yield* Effect.gen(function*() {
    let last: BackendError | undefined
    const budget = new FailoverBudget(settings.timeoutMs, engines.length, yield* MonotonicTime.currentMs)
    for (const [index, guarded] of engines.entries()) {
      const now = yield* MonotonicTime.currentMs
      if (index > 0) budget.next(now)
      const admission = yield* guarded.breaker.admit
      if (admission === undefined) {
        last ??= Resilience.circuitOpen("TextToSpeech.open", guarded)
        continue
      }
      const failure = yield* voices.get(index, budget.until - now).pipe(
        Effect.as(undefined),
        Effect.catch(Effect.succeed)
      )
      if (failure === undefined) return report.using(index, last)
      last = failure
      report.failed(
        index,
        failure,
        Resilience.isSessionsOwn(failure, wanted) ? false : yield* admission.fail(failure)
      )
    }
    if (last !== undefined) return yield* last
  }).pipe(Effect.scoped)

  const context = { engines, settings, wanted, report, voices, outputRate, textFor: textOf(textSettings) }
  return {
    speak: (sentences) =>
      Stream.suspend(() => {
        const reply: SentenceSpeech.SpokenReply = { engine: 0, cut: undefined }
        const speech = Stream.flatMap(sentences, (text) => SentenceSpeech.speak(context, reply, text))
        // a reply that breaks off within its last sentence has failed
        return Stream.concat(
          speech,
          Stream.suspend(() => reply.cut === undefined ? Stream.empty : Stream.fail(reply.cut))
        )
      })
  }
})
