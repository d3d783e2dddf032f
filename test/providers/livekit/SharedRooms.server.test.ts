/** Rooms with several people, tracks and processes, over a real livekit-server. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { AudioFrame, AudioSource, LocalAudioTrack, TrackPublishOptions, TrackSource } from "@livekit/rtc-node"
import { Effect, Exit, Scope } from "effect"
import { AccessToken, RoomServiceClient } from "livekit-server-sdk"
import { findFreePort } from "../../support/FreePort.ts"
import * as LiveKitServer from "../../support/LiveKitServer.ts"
import * as LiveKitUser from "../../support/LiveKitUser.ts"
import * as Service from "./Service.ts"

const { missing } = LiveKitServer

describe.skipIf(missing !== undefined)("rooms that people and processes share, over the real livekit-server", () => {
  const scope = Scope.makeUnsafe()
  let server: LiveKitServer.LiveKitServer
  let services: ReadonlyArray<Service.Service>

  const inScope = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>) =>
    Effect.runPromise(Effect.orDie(effect).pipe(Scope.provide(scope)))
  const guest = async (room: string, identity: string) => {
    const token = new AccessToken(server.apiKey, server.apiSecret, { identity })
    token.addGrant({ room, roomJoin: true })
    const jwt = await token.toJwt()
    return await inScope(LiveKitUser.join(server.url, jwt))
  }

  beforeAll(async () => {
    const ports = [await findFreePort(), await findFreePort()]
    // both processes hear of every arrival, and neither knows of the other
    server = await inScope(
      LiveKitServer.make({ webhooks: ports.map((port) => `http://127.0.0.1:${port}/livekit/webhook`) })
    )
    services = await Promise.all(ports.map((port) =>
      inScope(Service.make({
        server,
        port,
        provider: { automatic: { rooms: ["lobby-*"] } },
        config: { conversation: { first_speaker: "agent", greeting: "Welcome to the line." } }
      }))
    ))
  }, 120_000)
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 60_000)

  it(
    "one agent greets once, of two processes that hear of the arrival; who came meanwhile is served next",
    async () => {
      const ann = await guest("lobby-1", "ann")
      await ann.until("the greeting", () => ann.of("agent.speech_stopped")[0])
      assert.strictEqual(ann.room.remoteParticipants.size, 1)
      assert.strictEqual(ann.of("agent.speech_started").length, 1)
      const bob = await guest("lobby-1", "bob")
      const leftAt = performance.now()
      await ann.leave()
      // with the default `resume_window` of a minute, and looks each half minute
      await bob.until("his session", () => bob.of("session.started")[0], 25_000)
      assert.isBelow(performance.now() - leftAt, 25_000)
      const sessions = await Promise.all(services.map((service) => service.sessions()))
      assert.strictEqual(sessions.flat().filter(({ state }) => state !== "closed").length, 1)
      await bob.leave()
    },
    60_000
  )

  it("an agent that a moderator has removed does not come back to who was there", async () => {
    const ann = await guest("lobby-3", "ann")
    await ann.until("the greeting", () => ann.of("agent.speech_stopped")[0])
    const rooms = new RoomServiceClient(server.apiUrl, server.apiKey, server.apiSecret)
    for (const identity of ann.room.remoteParticipants.keys()) await rooms.removeParticipant("lobby-3", identity)
    // it would be there again within a second
    await new Promise((resolve) => setTimeout(resolve, 4_000))
    assert.deepStrictEqual((await rooms.listParticipants("lobby-3")).map(({ identity }) => identity), ["ann"])
    await ann.leave()
    // who comes anew is served
    const again = await guest("lobby-3", "ann")
    await again.until("the greeting", () => again.of("agent.speech_stopped")[0])
    await again.leave()
  }, 60_000)

  it("a user's further, silent tracks come and go, and the microphone is heard all the time", async () => {
    const user = await guest("lobby-2", "ann")
    await user.until("the greeting", () => user.of("agent.speech_stopped")[0])
    const source = new AudioSource(16_000, 1, 200)
    const published: Array<string> = []
    for (let i = 0; i < 5; i++) {
      const publication = await user.room.localParticipant?.publishTrack(
        LocalAudioTrack.createAudioTrack(`silent ${i}`, source),
        new TrackPublishOptions({ source: TrackSource.SOURCE_UNKNOWN })
      )
      published.push(publication?.sid ?? "")
    }
    let open = true
    const silence = async () => {
      while (open) await source.captureFrame(new AudioFrame(new Int16Array(320), 16_000, 1, 320))
    }
    const feeding = silence().catch(() => {})
    await user.speak(LiveKitUser.recording("queen-of-clubs"))
    await user.until(
      "the words",
      () => user.of("user.transcript").find(({ final, text }) => final && /queen/i.test(text))
    )
    open = false
    await feeding
    for (const sid of published) await user.room.localParticipant?.unpublishTrack(sid, true)
    await user.until("the answer", () => user.of("agent.speech_stopped")[1])
    await user.speak(LiveKitUser.recording("cold-hearted"))
    await user.until(
      "more words",
      () => user.of("user.transcript").find(({ final, text }) => final && /selfish/i.test(text))
    )
    await user.leave()
  }, 60_000)
})
