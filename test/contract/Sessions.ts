/** Many sessions in this process, each with a user on an in-memory connection, in virtual time. */
import { Context, Effect, Layer } from "effect"
import type * as Agent from "../../src/agent/Agent.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import type { SessionEvent } from "../../src/session/SessionEvent.ts"
import * as Scenario from "../../src/testing/scenario/Scenario.ts"
import * as SpokenAudio from "../../src/testing/scenario/SpokenAudio.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedProvider from "../../src/testing/scripted/ScriptedProvider.ts"
import * as ScriptedRecogniser from "../../src/testing/scripted/ScriptedRecogniser.ts"
import * as MemoryConnection from "../../src/transport/MemoryConnection.ts"

export const backend = (agent: Agent.Agent) => {
  const { pipelineType: _type, provider: _provider, ...config } = Scenario.configOf({
    config: { maxConcurrentSessions: 1_000, drain: { deadline: "1 second" } }
  })
  return Layer.build(
    VoiceBackend.layerSttTts({ agent, config }).pipe(Layer.provide([
      ScriptedProvider.layer,
      ScriptedRecogniser.layer(),
      ScriptedEngines.layerTts({ msPerCharacter: 40 }),
      ScriptedEngines.layerVad()
    ]))
  ).pipe(Effect.map(Context.get(VoiceBackend)))
}

const FRAME = 320

/** Makes a session whose user says a text, one frame for each call of `hear`, then silence. */
export const call = Effect.fnUntraced(function*(backend: VoiceBackend["Service"], userId: string, text: string) {
  const session = yield* backend.createSession({ userId, transport: "websocket", metadata: { userId } })
  const frames: Array<Int16Array> = []
  const events: Array<SessionEvent> = []
  const link = MemoryConnection.make({
    onFrame: (frame) => frames.push(frame),
    onEvent: (event) => events.push(event)
  })
  yield* session.attach(link.connection)
  const pcm = SpokenAudio.encode(text, { msPerCharacter: 40 })
  let at = 0
  /** The next 20 ms of the microphone. */
  const hear = () => {
    const frame = new Int16Array(FRAME)
    frame.set(pcm.subarray(at, at + FRAME))
    at += FRAME
    link.push(frame)
  }
  return { session, frames, events, hear, link }
})
