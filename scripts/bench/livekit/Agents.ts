/**
 * The side that is measured: a backend with provider livekit and scripted engines, in a process of its own.
 *
 * It prints `ready`, takes one line of input for each thing to do (`open <n>`, `cpu`), and answers each with one line.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { createInterface } from "node:readline"
import * as Agent from "../../../src/agent/Agent.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import * as LiveKit from "../../../src/providers/livekit/index.ts"
import { layerTts as hum } from "../../../src/testing/conformance/TestTone.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"

const [, , url = "", api_key = "", api_secret = ""] = process.argv
/** Talks without end, so that both directions are busy. */
const talker = Agent.fromCallback(() => Effect.succeed("And on and on it goes. ".repeat(200)), { name: "talker" })
const Backend = VoiceBackend.layerSttTts({
  agent: talker,
  config: { providerConfig: { url, api_key, api_secret } }
}).pipe(Layer.provide([
  LiveKit.layer,
  ScriptedEngines.layerStt([]),
  hum(ScriptedEngines.layerTts({ msPerCharacter: 60 })),
  ScriptedEngines.layerVad()
]))

const answer = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`)

const run = Effect.gen(function*() {
  const backend = yield* VoiceBackend
  answer("ready")
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  let last = { cpu: process.cpuUsage(), at: performance.now() }
  while (true) {
    const { done, value } = yield* Effect.promise(() => lines.next())
    if (done === true) return
    const [command, count] = value.split(" ")
    if (command === "open") {
      const opened = yield* Effect.forEach(Array.from({ length: Number(count) }), (_, i) =>
        Effect.flatMap(
          backend.createSession({ userId: `user${i}`, transport: "webrtc" }),
          (session) => Effect.map(backend.access(session.id), ({ token }) => ({ id: session.id, token }))
        ))
      answer(opened)
    } else {
      const { system, user } = process.cpuUsage(last.cpu)
      const now = performance.now()
      answer({ percent: (user + system) / 10 / (now - last.at), rssMb: process.memoryUsage().rss / 2 ** 20 })
      last = { cpu: process.cpuUsage(), at: now }
    }
  }
}).pipe(Effect.provide(Backend), Effect.provideService(References.MinimumLogLevel, "None"))

await Effect.runPromise(run)
