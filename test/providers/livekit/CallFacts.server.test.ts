/** What an agent is told of a call over a real livekit-server: the room and who is in it. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Queue } from "effect"
import { AccessToken, RoomServiceClient } from "livekit-server-sdk"
import { CallContext } from "../../../src/agent/CallContext.ts"
import * as Agent from "../../../src/agent/index.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import * as LiveKit from "../../../src/providers/livekit/index.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedRecogniser from "../../../src/testing/scripted/ScriptedRecogniser.ts"
import * as LiveKitServer from "../../support/LiveKitServer.ts"
import * as LiveKitUser from "../../support/LiveKitUser.ts"

describe.skipIf(LiveKitServer.missing !== undefined)("a call over LiveKit", () => {
  it.live(
    "tells the agent the room and the participant, as they are now, and nothing of ours",
    () =>
      Effect.gen(function*() {
        const server = yield* LiveKitServer.make()
        const seen = yield* Queue.unbounded<Pick<CallContext, "facts" | "provider" | "transport" | "userId">>()
        const agent = Agent.fromCallback(() =>
          Effect.flatMap(
            CallContext,
            ({ facts, provider, transport, userId }) =>
              Effect.as(Queue.offer(seen, { facts, provider, transport, userId }), "Yes.")
          )
        )
        const backend = yield* Layer.build(
          VoiceBackend.layerSttTts({
            agent,
            config: {
              providerConfig: {
                url: server.url,
                api_key: server.apiKey,
                api_secret: server.apiSecret,
                named_rooms: true
              }
            }
          }).pipe(Layer.provide([
            LiveKit.layer,
            ScriptedRecogniser.layer(),
            ScriptedEngines.layerTts(),
            ScriptedEngines.layerVad()
          ]))
        )
        const session = yield* VoiceBackend.use(({ createSession }) =>
          createSession({ userId: "ann", transport: "webrtc", connectionUrl: "livekit:desk" })
        ).pipe(Effect.provideContext(backend))
        const token = new AccessToken(server.apiKey, server.apiSecret, {
          identity: "ann",
          name: "Ann",
          attributes: { "sip.phoneNumber": "+4930", "effect-voice.token": "for the hook" }
        })
        token.addGrant({ room: "desk", roomJoin: true })
        const jwt = yield* Effect.promise(() => token.toJwt())
        const user = yield* LiveKitUser.join(server.url, jwt)
        yield* Effect.promise(() => user.until("the session", () => user.of("session.started")[0]))
        yield* session.sendText("who am I")
        const participant = { identity: "ann", name: "Ann", attributes: { "sip.phoneNumber": "+4930" } }
        assert.deepStrictEqual(yield* Queue.take(seen), {
          facts: { room: "desk", participant },
          provider: "livekit",
          transport: "webrtc",
          userId: "ann"
        })
        const changed = yield* Deferred.make<void>()
        user.room.on("participantAttributesChanged", ({ plan }) => {
          if (plan === "gold") Deferred.doneUnsafe(changed, Effect.void)
        })
        const rooms = new RoomServiceClient(server.apiUrl, server.apiKey, server.apiSecret)
        yield* Effect.promise(() => rooms.updateParticipant("desk", "ann", { attributes: { plan: "gold" } }))
        yield* Deferred.await(changed)
        yield* session.sendText("and now")
        assert.deepStrictEqual((yield* Queue.take(seen)).facts, {
          room: "desk",
          participant: { ...participant, attributes: { ...participant.attributes, plan: "gold" } }
        })
      }),
    60_000
  )
})
