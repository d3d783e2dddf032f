import { Decoder } from "@evan/opus"
import { Effect, Result } from "effect"
import { provider } from "../../src/providers/local/index.ts"
import * as SessionEvent from "../../src/session/SessionEvent.ts"
import type * as Conformance from "../../src/testing/conformance/Conformance.ts"
import * as RtcUser from "../transport/RtcUser.ts"
import { errorOf, serve } from "./LocalHarness.ts"

const connectClient = (base: string): Conformance.ConnectClient =>
  Effect.fnUntraced(function*({ access, listener }) {
    const user = yield* RtcUser.make
    const { status, text } = yield* Effect.promise(async () => {
      const response = await fetch(new URL(access.connectionUrl, base), {
        method: "POST",
        headers: { "content-type": "application/sdp", authorization: `Bearer ${access.token}` },
        body: user.offer
      })
      return { status: response.status, text: await response.text() }
    })
    if (status !== 201) return yield* errorOf(status, text)
    const decoder = new Decoder({ channels: 1, sample_rate: 24_000 })
    user.onPacket(({ payload }) => {
      const bytes = decoder.decode(payload)
      listener.audio(new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)))
    })
    yield* user.event.pipe(
      Effect.map((text) => listener.event(Result.getOrThrow(SessionEvent.fromJson(text)))),
      Effect.forever,
      Effect.forkScoped
    )
    yield* user.closed.pipe(Effect.andThen(Effect.sync(() => listener.closed("closed"))), Effect.forkScoped)
    yield* user.answer(text)
    yield* user.connected
    yield* user.channelOpen
    const client: Conformance.ClientConnection = {
      audio: user.sendFrame,
      message: user.send,
      hangUp: Effect.sync(user.close),
      drop: Effect.sync(user.close)
    }
    return client
  })

/** Provider `local` behind the real server, on loopback, by WebRTC. */
export const webRtc: Conformance.Harness = {
  name: "local over WebRTC",
  provider,
  transport: "webrtc",
  providerConfig: { bind_address: "127.0.0.1" },
  serve: (backend) => Effect.map(serve(backend), ({ url }) => connectClient(url)),
  unsupported: { exactAudio: "Opus does not keep samples exactly, and media and events have no common order" }
}
