import { Effect, Stream } from "effect"
import { Agent, BackendConfig, newBackend } from "effect-voice"
import * as Pcm from "effect-voice/audio/Pcm"
import * as Wav from "effect-voice/audio/Wav"
import * as Builtin from "effect-voice/builtin"
import { readFile } from "node:fs/promises"

const program = Effect.gen(function*() {
  const config = yield* BackendConfig.decode({
    provider: "local",
    pipeline_type: "stt_tts",
    stt_provider: "moonshine",
    tts_provider: "hibari"
  })
  const backend = yield* newBackend(config.provider, config)
  yield* backend.start
  const session = yield* backend.createSession({
    userId: "user-123",
    transport: "websocket",
    agent: Agent.fromCallback((transcript) => Effect.succeed(`You said: ${transcript}`))
  })
  const file = yield* Effect.promise(() => readFile("test/fixtures/ill-disposed.wav"))
  const { samples } = yield* Effect.fromResult(Wav.parse(file))
  yield* session.pipeline(Stream.succeed(Pcm.fromInt16(samples))).pipe(
    Stream.runForEach((output) => {
      if (output._tag === "Audio") return Effect.void // 20 ms of the agent's voice, 24 kHz
      const { event } = output
      return event.type === "agent.speech_stopped" ? Effect.log("the agent said:", event.text) : Effect.void
    })
  )
})

Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(Builtin.layer)))
