/** Two backends on a LiveKit server, one after the other, each with a session; the process must then end by itself. */
import { Effect, Layer } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import * as LiveKit from "../../../src/providers/livekit/index.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedRecogniser from "../../../src/testing/scripted/ScriptedRecogniser.ts"

const [, , url = "", api_key = "", api_secret = ""] = process.argv
const agent = Agent.fromCallback((text) => Effect.succeed(`You said ${text}.`))
const Backend = VoiceBackend.layerSttTts({ agent, config: { providerConfig: { url, api_key, api_secret } } }).pipe(
  Layer.provide([LiveKit.layer, ScriptedRecogniser.layer(), ScriptedEngines.layerTts(), ScriptedEngines.layerVad()])
)

const once = Effect.gen(function*() {
  const backend = yield* VoiceBackend
  yield* backend.createSession({ userId: "ann", transport: "webrtc" })
  process.stdout.write("joined\n")
}).pipe(Effect.provide(Backend))

await Effect.runPromise(Effect.andThen(once, once))
