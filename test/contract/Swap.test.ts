import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule, Schema } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { AgentRegistry } from "../../src/agent/AgentRegistry.ts"
import * as BackendConfig from "../../src/backend/BackendConfig.ts"
import { BackendRegistry, newBackend } from "../../src/backend/BackendRegistry.ts"
import { providers } from "../../src/builtin/Providers.ts"
import { ProcessorRegistry } from "../../src/hooks/AudioProcessor.ts"
import type { SessionEvent } from "../../src/session/SessionEvent.ts"
import * as EngineRegistry from "../../src/speech/EngineRegistry.ts"
import type * as Conformance from "../../src/testing/Conformance.ts"
import * as ScriptedEngines from "../../src/testing/ScriptedEngines.ts"
import * as ScriptedHearing from "../../src/testing/ScriptedHearing.ts"
import * as SpokenAudio from "../../src/testing/SpokenAudio.ts"
import { webSocket } from "./LocalHarness.ts"
import { pipecat } from "./PipecatHarness.ts"

const none = Schema.Struct({})
const engines: Partial<EngineRegistry.EngineTable> = {
  stt: {
    hearing: Effect.succeed(EngineRegistry.define({
      kind: "stt",
      name: "hearing",
      description: "hears spelt speech",
      options: none,
      layer: () => ScriptedHearing.layer()
    }))
  },
  tts: {
    voice: Effect.succeed(EngineRegistry.define({
      kind: "tts",
      name: "voice",
      description: "speaks spelt speech",
      options: none,
      layer: () => ScriptedEngines.layerTts()
    }))
  },
  vad: {
    level: Effect.succeed(EngineRegistry.define({
      kind: "vad",
      name: "level",
      description: "hears what is loud",
      options: none,
      layer: () => ScriptedEngines.layerVad()
    }))
  }
}

/** The whole of the application: it names no provider. */
const application = Effect.fnUntraced(
  function*(file: object) {
    const config = yield* BackendConfig.decode(file)
    const backend = yield* newBackend(config.provider, config)
    yield* backend.start
    return backend
  },
  Effect.provide(Layer.mergeAll(
    BackendRegistry.layer(Object.values(providers)),
    EngineRegistry.EngineRegistry.layer(engines),
    AgentRegistry.layer({ echo: Agent.fromCallback((text) => Effect.succeed(`you said ${text}`)) }),
    ProcessorRegistry.layer({})
  ))
)

/** The file that the application is given: two lines of it are the provider's. */
const fileFor = ({ provider, providerConfig }: Conformance.Harness) => ({
  provider: provider.name,
  provider_config: providerConfig ?? {},
  pipeline_type: "stt_tts",
  stt_provider: "hearing",
  tts_provider: "voice",
  vad_provider: "level",
  agent: "echo",
  drain: { deadline: "1s" }
})

/** How users come in by each provider's own door; the suite's harnesses. */
const doors: ReadonlyArray<Conformance.Harness> = [webSocket, pipecat]

/** What becomes of one call: a question, its answer, what the history holds. */
const conversation = Effect.fnUntraced(function*(door: Conformance.Harness) {
  const backend = yield* application(fileFor(door))
  const dial = yield* door.reach(backend)
  const session = yield* backend.createSession({ userId: "ada", transport: door.transport })
  const events: Array<SessionEvent> = []
  const heard: Array<string> = []
  const ear = new SpokenAudio.SpokenAudioReader((word) => heard.push(word.text))
  const line = yield* dial({
    id: session.id,
    session,
    access: yield* backend.access(session.id),
    ear: {
      audio: (pcm) => ear.push(pcm),
      clear: () => ear.cut(),
      event: (event) => {
        events.push(event)
        if (event.type === "agent.speech_stopped") ear.cut()
      },
      closed: () => {}
    }
  })
  const speech = SpokenAudio.encode("swap me")
  for (let at = 0; at < speech.length + 16_000; at += 320) {
    const frame = new Int16Array(320)
    frame.set(speech.subarray(at, at + 320))
    line.audio(frame)
    yield* Effect.sleep("20 millis")
  }
  yield* Effect.suspend(() =>
    events.some(({ type }) => type === "agent.speech_stopped") ? Effect.void : Effect.fail("no answer")
  ).pipe(
    Effect.retry(Schedule.spaced("20 millis").pipe(Schedule.upTo({ duration: "10 seconds" })))
  )
  return {
    heard,
    history: (yield* session.history).map(({ role, text }) => [role, text]),
    told: events.map(({ type }) => type).filter((type) => /^(user|agent)\./u.test(type) && type !== "user.transcript")
  }
})

describe("one application, by its config alone (SC-003)", () => {
  for (const door of doors) {
    it.live(`talks with a user of provider ${door.provider.name}`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* conversation(door), {
          heard: ["you", "said", "swap", "me"],
          history: [["user", "swap me"], ["agent", "you said swap me"]],
          told: [
            "user.speech_started",
            "user.speech_stopped",
            "agent.speech_started",
            "agent.transcript",
            "agent.speech_stopped"
          ]
        })
      }), 30_000)
  }
})
