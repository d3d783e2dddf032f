/** An application for `--app` that is a program as well: scripted engines, an agent, a voice and a hook that need a service. */
import { Context, Effect, Layer, Schema, Tracer } from "effect"
import { appendFileSync } from "node:fs"
import * as Agent from "../../../src/agent/index.ts"
import { AuthenticationFailed } from "../../../src/BackendError.ts"
import { defineApp, run } from "../../../src/cli/index.ts"
import * as AudioProcessor from "../../../src/hooks/AudioProcessor.ts"
import { AuthHook } from "../../../src/hooks/AuthHook.ts"
import * as NamedParts from "../../../src/testing/conformance/NamedParts.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"

class Rooms
  extends Context.Service<Rooms, { readonly of: (guest: string) => string; readonly msPerCharacter: number }>()(
    "test/Rooms"
  )
{}

const concierge = Agent.fromCallback((words, { userId }) =>
  Effect.map(Rooms, (rooms) => `Room ${rooms.of(userId)}. You said ${words}`)
)

const Auth = Layer.effect(
  AuthHook,
  Effect.map(Rooms, (rooms) => ({
    authenticate: (token) =>
      token.startsWith("guest-")
        ? Effect.succeed({ userId: token.slice(6), authorized: rooms.of(token.slice(6)) !== "none" })
        : Effect.fail(new AuthenticationFailed({ op: "hotel", message: "unknown token" })),
    authorize: () => Effect.succeed(true)
  }))
)

const { HOTEL_SPANS } = process.env

/** The hotel's own tracer, where a file for its spans is named. */
const Tracing = HOTEL_SPANS === undefined ? Layer.empty : Layer.succeed(
  Tracer.Tracer,
  Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      appendFileSync(HOTEL_SPANS, `${span.traceId} ${span.name}\n`)
      return span
    }
  })
)

const app = defineApp({
  agents: { concierge, night: Agent.fromCallback(() => Effect.succeed("The night desk.")) },
  engines: {
    stt: NamedParts.engines.stt,
    tts: {
      scripted_tts: NamedParts.engines.tts["scripted_tts"]!,
      bellboy: Layer.unwrap(
        Effect.map(Rooms, ({ msPerCharacter }) => ScriptedEngines.layerTts({ msPerCharacter }))
      )
    },
    vad: NamedParts.engines.vad
  },
  processors: {
    attenuate: AudioProcessor.define({
      name: "attenuate",
      options: Schema.Struct({ shift: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 8 })) }),
      open: ({ shift }) =>
        Effect.succeed(
          AudioProcessor.sync({ name: "attenuate", process: (audio) => audio.map((each) => each >> shift) })
        )
    })
  },
  auth: Auth,
  config: {
    stt_provider: "scripted_stt",
    tts_provider: "bellboy",
    vad_provider: "scripted_vad",
    turn_detection_provider: "silence",
    conversation: { greeting: "" },
    overload: { max_lag: "10s" }
  },
  layer: Layer.merge(
    Layer.succeed(Rooms, { of: (guest) => guest === "ada" ? "twelve" : "none", msPerCharacter: 50 }),
    Tracing
  )
})

export default app

if (import.meta.main) run(app, { name: "hotel", version: "3.2.1" })
