/** Whatever an engine, a detector, a hook or a provider does in place of its work is a typed failure, with a line in the log. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Fiber, Layer, Logger, References, Stream } from "effect"
import { BackendProvider } from "../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { type BackendError, isBackendError } from "../../src/BackendError.ts"
import * as AudioProcessor from "../../src/hooks/AudioProcessor.ts"
import { AuthHook } from "../../src/hooks/AuthHook.ts"
import { RateLimiter } from "../../src/hooks/RateLimiter.ts"
import { SpeechToSpeech } from "../../src/speech/SpeechToSpeech.ts"
import { SpeechToText } from "../../src/speech/SpeechToText.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { TurnDetector } from "../../src/speech/TurnDetector.ts"
import { VoiceActivityDetector } from "../../src/speech/VoiceActivityDetector.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedS2s from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { call, echo, layer, pass, provider, running } from "./Harness.ts"

// application code may be written without types: so is this table
// oxlint-disable typescript/no-explicit-any
type Untyped = any

const thrown = (): never => {
  throw new Error("the library broke")
}
const broken: Untyped = new Error("the library broke")
const promise = () => Promise.reject(new Error("later"))

/** A service whose methods are replaced. */
const changed = (of: Layer.Layer<Untyped>, tag: Context.Key<Untyped, Untyped>, change: (service: Untyped) => object) =>
  Layer.effectContext(
    Effect.map(Layer.build(of), (context): Context.Context<Untyped> => {
      const service = Context.get(context, tag)
      return Context.make(tag, { ...service, ...change(service) })
    })
  )

const backendOf = (
  parts: { readonly stt?: Untyped; readonly tts?: Untyped; readonly vad?: Untyped; readonly link?: Untyped }
) =>
  VoiceBackend.layerSttTts({ agent: echo }).pipe(Layer.provide([
    Layer.succeed(BackendProvider, provider(parts.link)),
    parts.stt ?? Scripted.layerStt(["one", "two"]),
    parts.tts ?? Scripted.layerTts(),
    parts.vad ?? Scripted.layerVad()
  ])) as Layer.Layer<VoiceBackend, BackendError>

const stt = (change: (service: Untyped) => object) =>
  backendOf({ stt: changed(Scripted.layerStt(["one", "two"]), SpeechToText, change) })
const tts = (change: (service: Untyped) => object) =>
  backendOf({ tts: changed(Scripted.layerTts(), TextToSpeech, change) })
const vad = (change: (service: Untyped) => object) =>
  backendOf({ vad: changed(Scripted.layerVad(), VoiceActivityDetector, change) })
const s2s = (change: (service: Untyped) => object) =>
  VoiceBackend.layerS2s().pipe(Layer.provide([
    Layer.succeed(BackendProvider, provider()),
    changed(ScriptedS2s.layerS2s(["hello"]), SpeechToSpeech, change)
  ])) as Layer.Layer<VoiceBackend, BackendError>
const detector = (endOfTurn: Untyped) =>
  layer().pipe(Layer.provide(Layer.succeed(TurnDetector, { name: "judge", endOfTurn })))
const hook = (authenticate: Untyped) =>
  layer().pipe(
    Layer.provide(Layer.succeed(AuthHook, { authenticate, authorize: () => Effect.succeed(true) }))
  )
const events = (service: Untyped, of: Stream.Stream<never, Untyped>) => ({
  open: (options: Untyped) => Effect.map(service.open(options), (stream: Untyped) => ({ ...stream, events: of }))
})
const itself = Stream.fromEffect(Effect.interrupt)

const cases: {
  readonly [name: string]: readonly [
    backend: Layer.Layer<VoiceBackend, BackendError>,
    /** What the user's client or the caller gets; none where the call goes on. */
    code: string | undefined,
    told: string
  ]
} = {
  "a recogniser that interrupts itself": [
    stt((service) => events(service, itself)),
    "pipeline_error",
    "scripted interrupted itself"
  ],
  "a recogniser that interrupts its opening": [
    stt(() => ({ open: () => Effect.interrupt })),
    "pipeline_error",
    "scripted interrupted itself"
  ],
  "a recogniser whose opening is a Promise": [stt(() => ({ open: promise })), "pipeline_error", "it gave no Effect"],
  "a voice that interrupts itself": [
    tts(() => ({ open: () => Effect.succeed({ speak: () => itself }) })),
    "pipeline_error",
    "scripted interrupted itself"
  ],
  "a voice that gives bytes for samples": [
    tts(() => ({
      open: () => Effect.succeed({ speak: () => Stream.make({ pcm: new Uint8Array(960), text: "one" }) })
    })),
    "pipeline_error",
    "scripted gave speech that is not"
  ],
  "a voice whose opening throws": [
    tts(() => ({ open: thrown })),
    "pipeline_error",
    "scripted failed: the library broke"
  ],
  "a detector of speech whose opening throws": [
    vad(() => ({ open: thrown })),
    "pipeline_error",
    "scripted failed: the library broke"
  ],
  "a detector of speech that interrupts its opening": [
    vad(() => ({ open: () => Effect.interrupt })),
    "pipeline_error",
    "scripted interrupted itself"
  ],
  "a model that interrupts itself": [
    s2s((service) => events(service, itself)),
    "pipeline_error",
    "scripted-s2s interrupted itself"
  ],
  "a model whose opening fails with an error of its own": [
    s2s(() => ({ open: () => Effect.fail(broken) })),
    "pipeline_error",
    "scripted-s2s failed: the library broke"
  ],
  "a turn detector that interrupts itself": [detector(() => Effect.interrupt), undefined, "judge interrupted itself"],
  "a turn detector that gives a Promise": [detector(promise), undefined, "judge failed: it gave no Effect"],
  "a turn detector that gives no number": [detector(() => Effect.succeed(NaN)), undefined, "judge gave no number"],
  "a turn detector that hangs": [detector(() => Effect.never), undefined, "judge timed out after 2s"],
  "an audio processor that interrupts itself": [
    VoiceBackend.layerSttTts({
      agent: echo,
      processors: [AudioProcessor.effect({ name: "gate", process: () => Effect.interrupt })]
    }).pipe(Layer.provide([
      Layer.succeed(BackendProvider, provider()),
      Scripted.layerStt([]),
      Scripted.layerTts(),
      Scripted.layerVad()
    ])),
    undefined,
    "audio processor gate interrupted itself"
  ],
  "an AuthHook that interrupts itself": [hook(() => Effect.interrupt), "connection_failed", "the AuthHook failed"],
  "a RateLimiter that interrupts itself": [
    layer().pipe(
      Layer.provide(Layer.succeed(RateLimiter, { allow: () => Effect.interrupt, wait: () => Effect.void }))
    ),
    "connection_failed",
    "the rate limiter failed"
  ],
  "a provider that throws": [backendOf({ link: { open: thrown } }), "pipeline_error", "test failed: the library broke"],
  "a provider that gives nothing": [
    backendOf({ link: { open: () => Effect.undefined } }),
    "pipeline_error",
    "test failed: Cannot"
  ],
  "a provider whose link dies": [
    backendOf({
      link: {
        open: () =>
          Effect.succeed({
            access: { connectionUrl: "memory:" },
            attachments: Stream.concat(
              Stream.fromEffectDrain(Effect.sleep("2 seconds")),
              Stream.die(new Error("the library broke"))
            )
          })
      }
    }),
    "pipeline_error",
    "test failed: the library broke"
  ],
  "a provider whose probe dies": [
    backendOf({ link: { probe: Effect.die(new Error("the library broke")) } }),
    undefined,
    "the library broke"
  ]
}

describe("a failure of a part", () => {
  for (const [name, [backend, code, told]] of Object.entries(cases)) {
    it.effect(`is typed and told: ${name}`, () => {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ cause, fiber, logLevel, message }) => {
        if (logLevel !== "Warn" && logLevel !== "Error") return
        const annotations = fiber.getRef(References.CurrentLogAnnotations)
        lines.push(`${String(message)} ${Cause.pretty(cause)} ${JSON.stringify(annotations)}`)
      })
      return running(
        backend,
        Effect.gen(function*() {
          const opening = yield* Effect.forkChild(call({ config: { token: "token" } }), { startImmediately: true })
          // an opening is tried again
          yield* pass("10 seconds")
          const made = yield* Fiber.await(opening)
          if (Exit.isFailure(made)) {
            const error = Cause.squash(made.cause)
            assert.strictEqual(isBackendError(error) ? error.code : String(error), code)
            return
          }
          const user = made.value
          yield* user.speaks(1_000)
          yield* user.hears(7_000)
          const codes = new Set<string | undefined>(user.connection.of("error").map((event) => event.code))
          assert.deepStrictEqual(Array.from(codes), code === undefined ? [] : [code])
        })
      ).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.andThen(Effect.sync(() => assert.include(lines.join("\n"), told)))
      )
    })
  }
})
