/**
 * The contract's own usage example: a backend of the registry on LiveKit, with Deepgram's ears and ElevenLabs' voice. The
 * LiveKit server is the real one; the vendors are their fakes, which know the wire and take the key.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import { BackendRegistry } from "../../src/backend/provider/BackendRegistry.ts"
import * as Builtin from "../../src/builtin/index.ts"
import * as FakeRecognisers from "../support/FakeRecognisers.ts"
import * as FakeVoices from "../support/FakeVoices.ts"
import * as LiveKitServer from "../support/LiveKitServer.ts"
import * as LiveKitUser from "../support/LiveKitUser.ts"

const { missing } = LiveKitServer

describe("the contract's usage example", () => {
  it.skipIf(missing !== undefined)(
    `runs on LiveKit, Deepgram and ElevenLabs${missing === undefined ? "" : `: ${missing}`}`,
    () =>
      Effect.gen(function*() {
        const server = yield* LiveKitServer.make()
        const ears = yield* FakeRecognisers.deepgram({ transcripts: ["book a flight to Paris"] })
        const voice = yield* FakeVoices.elevenLabs()
        const registry = yield* BackendRegistry
        const config = yield* BackendConfig.decode({
          provider: "livekit",
          pipeline_type: "stt_tts",
          stt_provider: "deepgram",
          tts_provider: "elevenlabs",
          latency_target: "500ms",
          max_concurrent_sessions: 100,
          provider_config: { url: server.url, api_key: server.apiKey, api_secret: server.apiSecret },
          engines: {
            deepgram: { stt: { url: ears.url, api_key: FakeRecognisers.KEY } },
            elevenlabs: { tts: { url: voice.url, api_key: FakeVoices.KEY } }
          }
        })
        const backend = yield* registry.create("livekit", config)
        yield* backend.start
        const session = yield* backend.createSession({
          userId: "user-123",
          transport: "webrtc",
          agent: Agent.fromCallback((transcript) => Effect.succeed(`Of course: ${transcript}.`))
        })
        const { connectionUrl, token = "" } = yield* backend.access(session.id)
        const user = yield* LiveKitUser.join(connectionUrl, token)
        yield* Effect.promise(async () => {
          await user.until("the session", () => user.of("session.started")[0])
          await user.speak(LiveKitUser.recording("queen-of-clubs"))
          const { text } = await user.until("the answer", () => user.of("agent.speech_stopped")[0])
          assert.strictEqual(text, "Of course: book a flight to Paris.")
          assert.isAbove(user.loudAt.length, 20)
        })
        assert.deepStrictEqual((yield* session.history).map(({ role, text }) => [role, text]), [
          ["user", "book a flight to Paris"],
          ["agent", "Of course: book a flight to Paris."]
        ])
        assert.isAbove(ears.told.filter(({ what }) => what === "audio").length, 20)
      }).pipe(Effect.scoped, Effect.provide(Builtin.layer), Effect.runPromise),
    60_000
  )
})
