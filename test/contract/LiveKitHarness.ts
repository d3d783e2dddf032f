import type * as Rtc from "@livekit/rtc-node"
import { Effect, Fiber } from "effect"
import * as Errors from "../../src/BackendError.ts"
import { provider } from "../../src/providers/livekit/index.ts"
import * as LiveKitErrors from "../../src/providers/livekit/LiveKitErrors.ts"
import * as LiveKitPackages from "../../src/providers/livekit/LiveKitPackages.ts"
import { TOPIC } from "../../src/providers/livekit/text/TextOutbox.ts"
import * as SessionEvent from "../../src/session/SessionEvent.ts"
import type * as Conformance from "../../src/testing/conformance/Conformance.ts"

/** A running LiveKit server. */
export interface Server {
  readonly url: string
  readonly apiKey: string
  readonly apiSecret: string
}

const classes = {
  authentication_failed: Errors.AuthenticationFailed,
  authorization_failed: Errors.AuthorizationFailed,
  rate_limit_exceeded: Errors.RateLimitExceeded
} as const

/** The error that a user receives before being removed from the room. */
const refusal = (event: Extract<SessionEvent.SessionEvent, { readonly type: "error" }>): Errors.BackendError => {
  const found = Object.entries(classes).find(([code]) => code === event.code)?.[1] ?? Errors.ConnectionFailed
  return new found({ op: "test.dial", message: event.message })
}

/** A user's LiveKit client in Node: publishes a microphone, subscribes to the agent's audio and events. */
const connectClient = ({ rtc }: LiveKitPackages.LiveKitPackages): Conformance.ConnectClient =>
  Effect.fnUntraced(function*({ access, listener }) {
    const room = yield* Effect.acquireRelease(
      Effect.sync(() => new rtc.Room()),
      (room) => Effect.promise(() => room.disconnect().catch(() => {}))
    )
    const play = async (track: Rtc.RemoteTrack) => {
      for await (
        const { data } of new rtc.AudioStream(track, { sampleRate: 24_000, numChannels: 1, frameSizeMs: 20 })
      ) listener.audio(data)
    }
    room.on("trackSubscribed", (track, publication) => {
      play(track).catch(() => {
        // under load, LiveKit may return a track that it has already released
        publication.setSubscribed(false)
        setTimeout(() => publication.setSubscribed(true), 100)
      })
    })
    room.on("disconnected", (reason) => listener.closed(String(reason)))
    const started = Effect.callback<void, Errors.BackendError>((resume) => {
      room.on("dataReceived", (payload, _participant, _kind, topic) => {
        if (topic !== TOPIC) return
        const event = SessionEvent.fromJson(Buffer.from(payload).toString())
        if (event._tag === "Failure") throw event.failure
        listener.event(event.success)
        if (event.success.type === "session.started") resume(Effect.void)
        if (event.success.type === "error") resume(Effect.fail(refusal(event.success)))
      })
      room.on(
        "disconnected",
        () => resume(Effect.fail(new Errors.ConnectionFailed({ op: "test.dial", message: "removed from the room" })))
      )
    })
    const source = new rtc.AudioSource(16_000, 1, 2_000)
    const listening = yield* Effect.forkChild(started, { startImmediately: true })
    yield* Effect.tryPromise({
      try: async () => {
        await room.connect(access.connectionUrl, access.token ?? "", { autoSubscribe: true, dynacast: false })
        await room.localParticipant?.publishTrack(
          rtc.LocalAudioTrack.createAudioTrack("microphone", source),
          new rtc.TrackPublishOptions({ source: rtc.TrackSource.SOURCE_MICROPHONE })
        )
      },
      catch: LiveKitErrors.fromJoin("test.dial", access.connectionUrl)
    })
    yield* Fiber.join(listening)
    let sending = Promise.resolve()
    const client: Conformance.ClientConnection = {
      audio: (pcm) => {
        const frame = new rtc.AudioFrame(pcm.slice(), 16_000, 1, pcm.length)
        sending = sending.then(() => source.captureFrame(frame)).catch(() => {})
      },
      message: (text) => {
        // LiveKit refuses it once the room is being left; the row that sent it is over then
        room.localParticipant?.sendText(text, { topic: TOPIC }).catch(() => {})
      },
      hangUp: Effect.promise(() => room.disconnect()),
      drop: Effect.promise(() => room.disconnect())
    }
    return client
  })

/** Provider `livekit` on a real server. */
export const liveKit = ({ apiKey, apiSecret, url }: Server): Conformance.Harness => ({
  name: "livekit",
  provider,
  transport: "webrtc",
  providerConfig: { url, api_key: apiKey, api_secret: apiSecret },
  serve: () => Effect.map(LiveKitPackages.acquire, connectClient),
  unsupported: {
    exactAudio: "Opus does not keep samples exactly, and media and events have no common order",
    recovery: "a LiveKit user stays in the room while the process changes; LiveKit.server.test.ts kills one"
  }
})
