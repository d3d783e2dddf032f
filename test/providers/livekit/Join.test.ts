/** Coming into a room and going, with LiveKit's own packages; only the server is not there. */
import { assert, describe, it } from "@effect/vitest"
import * as rtc from "@livekit/rtc-node"
import { Room as LiveKitRoom } from "@livekit/rtc-node"
import { Deferred, Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as sdk from "livekit-server-sdk"
import * as AgentRoom from "../../../src/providers/livekit/room/AgentRoom.ts"

describe("AgentRoom", () => {
  it.effect("leaves the room when it is joined after an interruption", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      const left = yield* Deferred.make<void>()
      const answer = Promise.withResolvers<void>()
      let inside = false
      /** As LiveKit's: to leave a room that is not joined yet does nothing. */
      class Room extends LiveKitRoom {
        override async connect() {
          Deferred.doneUnsafe(asked, Effect.void)
          await answer.promise
          inside = true
        }
        override async disconnect() {
          if (!inside) return
          inside = false
          Deferred.doneUnsafe(left, Effect.void)
        }
      }
      const joining = yield* AgentRoom.join({
        packages: { rtc: { ...rtc, Room }, sdk },
        url: "ws://127.0.0.1:1",
        token: "token",
        timeout: Duration.seconds(5),
        listener: { participantsChanged: () => {}, participantLeft: () => {}, audio: () => {}, voiceEnded: () => {} },
        acceptsAudio: () => true,
        prepare: () => Effect.void
      }).pipe(Effect.scoped, Effect.flip, Effect.forkChild)
      yield* Deferred.await(asked)
      yield* TestClock.adjust("5 seconds")
      const error = yield* Fiber.join(joining)
      assert.strictEqual(error.code, "connection_timeout")
      answer.resolve()
      yield* Deferred.await(left)
      assert.isFalse(inside)
    }))
})
