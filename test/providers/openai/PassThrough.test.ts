/** OpenAI's Realtime API before a speech-to-speech engine: the client talks to the model, and we know what was said. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import * as Local from "../../../src/providers/local/index.ts"
import * as Server from "../../../src/server/Server.ts"
import * as ScriptedS2s from "../../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { neverOverloaded } from "../../server/support.ts"
import { freePort } from "../../support/FreePort.ts"
import { at, connect, silence, speech } from "./RealtimeServer.ts"

describe("a speech-to-speech engine behind the Realtime API", () => {
  it.live("answers a model that the config gives it, and the history has the words of both", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const context = yield* Layer.build(
        Server.layer({ port, host: "127.0.0.1" }).pipe(
          Layer.provideMerge(VoiceBackend.layerS2s({
            config: {
              overload: neverOverloaded,
              providerConfig: {
                bind_address: "127.0.0.1",
                openai: { models: { "gpt-realtime": { pipeline_type: "s2s" } } }
              }
            } as never
          })),
          Layer.provide([Local.layer, ScriptedS2s.layerS2s(["Hello there."], { transcripts: ["good morning"] })])
        )
      )
      const backend = Context.get(context, VoiceBackend)
      const client = yield* connect({ port }, "?model=gpt-realtime")
      const created = yield* client.until("session.created")
      assert.strictEqual(at(created, "session", "model"), "gpt-realtime")
      const session = yield* backend.getSession(String(at(created, "session", "id")))
      assert.strictEqual(session.config.pipelineType, "s2s")
      client.send({ type: "input_audio_buffer.append", audio: speech(600) })
      client.send({ type: "input_audio_buffer.append", audio: silence(1_200) })
      const done = yield* client.until("response.done")
      assert.strictEqual(at(done, "response", "status"), "completed")
      assert.isAbove(client.events.filter(({ type }) => type === "response.output_audio.delta").length, 0)
      assert.deepStrictEqual(
        (yield* session.history).map(({ role, text }) => [role, text]),
        [["user", "good morning"], ["agent", "Hello there."]]
      )
    }).pipe(Effect.scoped))
})
