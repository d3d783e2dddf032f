/**
 * A server to be stopped: the command's own start and stop around the local provider and engines that hear and speak spelt
 * audio. Its one argument is JSON: what hangs, and how it drains.
 */
import { Duration, Effect, Layer, Logger } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import * as BackendProvider from "../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { runMain } from "../../src/cli/RunMain.ts"
import { untilInterrupted } from "../../src/cli/Serve.ts"
import { defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import * as Local from "../../src/providers/local/index.ts"
import * as Server from "../../src/server/Server.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedRecogniser from "../../src/testing/scripted/ScriptedRecogniser.ts"

export interface DrainServerOptions {
  readonly deadlineMs: number
  readonly mode?: "turn" | "conversation"
  /** What never answers; an engine that is `stubborn` cannot even be interrupted. */
  readonly hangs?: ReadonlyArray<"agent" | "stubborn agent" | "tts" | "connect" | "release">
}

const options: DrainServerOptions = JSON.parse(process.argv[2] ?? "{}")
const hangs = (what: NonNullable<DrainServerOptions["hangs"]>[number]) => options.hangs?.includes(what) === true

const agent = Agent.fromCallback((text) =>
  hangs("stubborn agent")
    ? Effect.uninterruptible(Effect.never)
    : hangs("agent")
    ? Effect.never
    : Effect.succeed(`You said ${text}. I have made a note of it.`)
)

const provider: BackendProvider.BackendProvider["Service"] = hangs("connect")
  ? BackendProvider.mapConnect(Local.provider, () => () => Effect.never)
  : Local.provider

const backend = VoiceBackend.layerSttTts({
  agent,
  config: {
    maxConcurrentSessions: 200,
    conversation: { ...defaultPolicy, goodbye: "Goodbye." },
    drain: { mode: options.mode ?? "turn", deadline: Duration.millis(options.deadlineMs) },
    providerConfig: { ...BackendConfig.defaults.providerConfig, bind_address: "127.0.0.1" }
  }
}).pipe(Layer.provide([
  Layer.succeed(BackendProvider.BackendProvider, provider),
  ScriptedRecogniser.layer(),
  hangs("tts")
    ? ScriptedEngines.layerTts({ hangAt: Array.from({ length: 1_000 }, (_, i) => i) })
    : ScriptedEngines.layerTts(),
  ScriptedEngines.layerVad(),
  Layer.effectDiscard(Effect.addFinalizer(() => hangs("release") ? Effect.never : Effect.void))
]))

const server = Server.layer({ port: 0 }).pipe(Layer.provideMerge(backend))

runMain(
  Effect.suspend(() => {
    process.stderr.write("starting\n")
    return untilInterrupted(server, () => Effect.never)
  }).pipe(
    Effect.orDie,
    Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]))
  ),
  { serving: true }
)
