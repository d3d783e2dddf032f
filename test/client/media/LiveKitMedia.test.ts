import { assert, describe, it, vi } from "@effect/vitest"
import { CallContext } from "../../../src/client/media/CallContext.ts"
import type { CallMedia, Link } from "../../../src/client/media/CallMedia.ts"
import type { LiveKitClient } from "../../../src/client/media/LiveKitClient.ts"
import { makeLiveKitMedia } from "../../../src/client/media/LiveKitMedia.ts"
import { PlaybackWatch } from "../../../src/client/media/PlaybackWatch.ts"
import { AGENT, makeLiveKit } from "../FakeLiveKit.ts"
import { FakeAudio, FakeContext, makeStream, settled, useInstalled } from "../FakePage.ts"

/** What users pass is the package itself. */
export const load: () => Promise<LiveKitClient> = () => import("livekit-client")

describe("LiveKitMedia", () => {
  useInstalled({ fakeTimers: true })

  const target = { baseUrl: "http://127.0.0.1", id: "ses_1", token: "t", connectionUrl: "ws://127.0.0.1" }

  const make = async (stream?: MediaStream) => {
    const livekit = makeLiveKit()
    const context = new FakeContext()
    const media = await makeLiveKitMedia({
      context: new CallContext(context.asContext, () => context.asContext),
      watch: new PlaybackWatch(() => {}),
      stream,
      load: async () => livekit.client
    })
    const received: Array<string> = []
    const attach = (media: CallMedia): Promise<Link> =>
      media.attach(
        target,
        {
          message: ({ type }) => received.push(type),
          lost: () => {},
          interrupted: (isInterrupted) => received.push(isInterrupted ? "reconnecting" : "connected")
        },
        new AbortController().signal
      )
    return { attach, livekit, media, received }
  }

  const event = (type: string) => new TextEncoder().encode(JSON.stringify({ type, seq: 1, at_ms: 1 }))

  it("takes events from the agent of its session only", async () => {
    const { attach, livekit, media, received } = await make()
    await attach(media)
    const room = livekit.rooms[0]!
    // Before anybody is announced, data has no sender.
    room.emit("data", event("user.speech_started"), undefined, 0, "effect-voice")
    const bob = room.come("bob", 0)
    const other = room.come("agent-ses_2", AGENT)
    room.emit("data", event("user.away"), bob, 0, "effect-voice")
    assert.deepStrictEqual(received, ["user.speech_started"])
    // An agent whom the server named for the room, and not for one session.
    room.emit("data", event("pong"), other, 0, "effect-voice")
    const agent = room.come("agent-ses_1", AGENT)
    room.emit("data", event("user.away"), other, 0, "effect-voice")
    room.emit("data", event("user.away"), undefined, 0, "effect-voice")
    room.emit("data", event("user.away"), agent, 0, "chat")
    room.emit("data", event("user.speech_stopped"), agent, 0, "effect-voice")
    assert.deepStrictEqual(received, ["user.speech_started", "pong", "user.speech_stopped"])
  })

  it("reads long events from text streams, and neither endless ones nor any number", async () => {
    const { attach, livekit, media, received } = await make()
    await attach(media)
    const room = livekit.rooms[0]!
    room.come("agent-ses_1", AGENT)
    room.come("bob", 0)
    const text = new TextDecoder().decode(event("pong"))
    let given = 0
    async function* endless() {
      for (;;) {
        given++
        yield "x".repeat(65_536)
      }
    }
    async function* whole() {
      yield text.slice(0, 5)
      yield text.slice(5)
    }
    room.reader?.(endless(), { identity: "agent-ses_1" })
    room.reader?.(whole(), { identity: "bob" })
    room.reader?.(whole(), { identity: "agent-ses_1" })
    await settled()
    assert.deepStrictEqual(received, ["pong"])
    assert.isAtMost(given, 17)
    let begun = 0
    async function* silent() {
      begun++
      await new Promise(() => {})
      yield ""
    }
    for (let i = 0; i < 1_000; i++) room.reader?.(silent(), { identity: "agent-ses_1" })
    await settled()
    assert.strictEqual(begun, 64)
    // Those that do not end take no place for ever.
    await vi.advanceTimersByTimeAsync(11_000)
    room.reader?.(whole(), { identity: "agent-ses_1" })
    await settled()
    assert.deepStrictEqual(received, ["pong", "pong"])
  })

  const started = new TextEncoder().encode(
    JSON.stringify({
      type: "session.started",
      seq: 1,
      at_ms: 1,
      input: { sample_rate: 16_000 },
      output: { sample_rate: 24_000 },
      resumed: false
    })
  )

  it("keeps what the user types until LiveKit's client is connected and the agent serves the user", async () => {
    const { attach, livekit, media } = await make()
    const link = await attach(media)
    const room = livekit.rooms[0]!
    const agent = room.come("agent-ses_1", AGENT)
    link.send({ type: "user.text", text: "hello" })
    assert.deepStrictEqual(room.sent, [])
    room.emit("data", started, agent, 0, "effect-voice")
    // LiveKit loses what comes too soon: a ping finds out.
    assert.deepStrictEqual(room.sent, ["ping"])
    await vi.advanceTimersByTimeAsync(600)
    assert.deepStrictEqual(room.sent.splice(0), ["ping", "ping"])
    room.emit("data", event("pong"), agent, 0, "effect-voice")
    assert.deepStrictEqual(room.sent.splice(0), ["user.text"])
    room.state = "reconnecting"
    link.send({ type: "agent.interrupt" })
    link.send({ type: "agent.interrupt" })
    link.send({ type: "user.text", text: "hello" })
    room.remoteParticipants.delete(agent.identity)
    room.state = "connected"
    room.emit("reconnected")
    assert.deepStrictEqual(room.sent, [])
    const again = room.come("agent-ses_1", AGENT)
    room.emit("participant")
    // It is there, and does not serve the user yet.
    assert.deepStrictEqual(room.sent, [])
    room.emit("data", started, again, 0, "effect-voice")
    assert.deepStrictEqual(room.sent.splice(0), ["ping"])
    room.emit("data", event("pong"), again, 0, "effect-voice")
    assert.deepStrictEqual(room.sent.splice(0), ["agent.interrupt", "user.text"])
    // A line that was only mended needs no new start.
    room.state = "reconnecting"
    link.send({ type: "user.text", text: "hello" })
    room.state = "connected"
    room.emit("reconnected")
    assert.deepStrictEqual(room.sent, ["user.text"])
    room.state = "reconnecting"
    assert.throws(() => {
      for (let i = 0; i < 40; i++) link.send({ type: "user.text", text: "again" })
    }, /too much/u)
    link.close()
  })

  it("sends in the next room what the user typed while the former was being lost", async () => {
    const { attach, livekit, media } = await make()
    const first = await attach(media)
    const lost = livekit.rooms[0]!
    const agent = lost.come("agent-ses_1", AGENT)
    lost.emit("data", started, agent, 0, "effect-voice")
    lost.emit("data", event("pong"), agent, 0, "effect-voice")
    lost.state = "reconnecting"
    first.send({ type: "user.text", text: "hello" })
    lost.emit("disconnected")
    await attach(media)
    // Whatever the former room still does.
    lost.state = "connected"
    lost.emit("reconnected")
    assert.deepStrictEqual(lost.sent.splice(0), ["ping"])
    const room = livekit.rooms[1]!
    const again = room.come("agent-ses_1", AGENT)
    room.emit("data", started, again, 0, "effect-voice")
    room.emit("data", event("pong"), again, 0, "effect-voice")
    assert.deepStrictEqual(room.sent, ["ping", "user.text"])
  })

  it("tells when LiveKit's client reconnects, but not of a line that is mended at once", async () => {
    const { attach, livekit, media, received } = await make()
    const link = await attach(media)
    const room = livekit.rooms[0]!
    room.emit("signalReconnecting")
    await vi.advanceTimersByTimeAsync(3_000)
    room.emit("reconnected")
    await vi.advanceTimersByTimeAsync(30_000)
    assert.deepStrictEqual(received, [])
    for (let i = 0; i < 5; i++) room.emit("signalReconnecting")
    await vi.advanceTimersByTimeAsync(5_000)
    room.emit("reconnecting")
    room.emit("reconnected")
    room.emit("reconnecting")
    room.emit("reconnected")
    assert.deepStrictEqual(received, ["reconnecting", "connected", "reconnecting", "connected"])
    room.emit("signalReconnecting")
    link.close()
    await vi.advanceTimersByTimeAsync(30_000)
    assert.strictEqual(received.length, 4)
  })

  it("does not wait for ever for an agent that answers no ping, nor with a farewell", async () => {
    const { attach, livekit, media } = await make()
    const link = await attach(media)
    const room = livekit.rooms[0]!
    const agent = room.come("agent-ses_1", AGENT)
    link.send({ type: "user.text", text: "hello" })
    room.emit("data", started, agent, 0, "effect-voice")
    await vi.advanceTimersByTimeAsync(9_000)
    assert.notInclude(room.sent, "user.text")
    await vi.advanceTimersByTimeAsync(60_000)
    assert.deepStrictEqual([room.sent.length, room.sent.at(-1)], [21, "user.text"])
    link.close()
    const second = await attach(media)
    const again = livekit.rooms[1]!
    again.emit("data", started, again.come("agent-ses_1", AGENT), 0, "effect-voice")
    second.send({ type: "session.end" })
    assert.deepStrictEqual(again.sent, ["ping", "session.end"])
    second.close()
    await vi.advanceTimersByTimeAsync(60_000)
    assert.deepStrictEqual(again.sent, ["ping", "session.end"])
  })

  it("plays every track, and measures and hushes the agent's alone", async () => {
    const { attach, livekit, media } = await make()
    await attach(media)
    const room = livekit.rooms[0]!
    const track = (sid: string) => ({ kind: "audio", sid, mediaStreamTrack: makeStream().track })
    const agent = room.come("agent-ses_1", AGENT)
    const bob = room.come("bob", 0)
    room.emit("subscribed", track("bob-1"), {}, bob)
    assert.strictEqual(media.levels().agent, 0)
    room.emit("subscribed", track("agent"), {}, agent)
    room.emit("subscribed", track("bob-2"), {}, bob)
    room.emit("subscribed", { ...track("video"), kind: "video" }, {}, bob)
    assert.strictEqual(FakeAudio.all.length, 3)
    assert.isAbove(media.levels().agent, 0)
    media.onMessage({ type: "playout.clear", seq: 1, at_ms: 1, turn: 1 })
    assert.deepStrictEqual(FakeAudio.all.map(({ muted }) => muted), [false, true, false])
    room.emit("unsubscribed", track("bob-1"))
    assert.deepStrictEqual(FakeAudio.all.map(({ srcObject }) => srcObject !== null), [false, true, true])
    // Another room begins without the voices of the former.
    await attach(media)
    assert.deepStrictEqual(FakeAudio.all.map(({ srcObject }) => srcObject !== null), [false, false, false])
    media.close()
  })

  it("keeps a muted microphone muted when it is published, changed or joined again", async () => {
    const first = makeStream()
    const { attach, livekit, media } = await make(first.stream)
    media.setMuted(true)
    await attach(media)
    const room = livekit.rooms[0]!
    assert.isTrue(room.published?.isMuted)
    assert.isFalse(first.track.enabled)
    const second = makeStream()
    await media.setMicrophone(second.stream)
    assert.strictEqual<unknown>(room.published?.mediaStreamTrack, second.track)
    assert.isFalse(second.track.enabled)
    media.setMuted(false)
    await settled()
    assert.isFalse(room.published?.isMuted)
    assert.isTrue(second.track.enabled)
    media.setMuted(true)
    await attach(media)
    assert.isTrue(livekit.rooms[1]?.published?.isMuted)
    assert.isFalse(second.track.enabled)
  })

  it("is heard or not as the last of fast presses says", async () => {
    const { track, stream } = makeStream()
    const { attach, livekit, media } = await make(stream)
    await attach(media)
    for (const presses of [[true, false], [true, false, true], [false, true, false]]) {
      for (const muted of presses) media.setMuted(muted)
      await settled()
      assert.deepStrictEqual(
        [livekit.rooms[0]?.published?.isMuted, track.enabled],
        [presses.at(-1), !presses.at(-1)],
        presses.join()
      )
    }
  })

  it("sends the microphone that follows one that was unplugged", async () => {
    const { attach, livekit, media } = await make(makeStream().stream)
    await attach(media)
    // As LiveKit's client does when a track ends.
    await livekit.rooms[0]?.published?.mute()
    const second = makeStream()
    await media.setMicrophone(second.stream)
    assert.isFalse(livekit.rooms[0]?.published?.isMuted)
    assert.isTrue(second.track.enabled)
  })

  it("sends the microphone, muted or not, that was chosen while it joined", async () => {
    const first = makeStream()
    const second = makeStream()
    const third = makeStream()
    const { attach, livekit, media } = await make(first.stream)
    livekit.whenConnected((room) => {
      void media.setMicrophone(second.stream)
      room.publishing = () => {
        room.publishing = undefined
        media.setMuted(true)
        void media.setMicrophone(third.stream)
      }
    })
    await attach(media)
    const { published } = livekit.rooms[0]!
    assert.strictEqual<unknown>(published?.mediaStreamTrack, third.track)
    assert.isTrue(published?.isMuted)
    assert.isFalse(third.track.enabled)
  })
})
