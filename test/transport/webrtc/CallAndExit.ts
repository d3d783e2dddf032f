/** Ten calls, one after the other, in a process that must then end by itself. Prints one line of JSON. */
import { Effect } from "effect"
import * as WebRtcConnection from "../../../src/transport/webrtc/WebRtcConnection.ts"
import * as RtcUser from "../RtcUser.ts"

const main = Effect.scoped(Effect.gen(function*() {
  const webRtc = yield* WebRtcConnection.make({ bindAddress: "127.0.0.1" })
  const connectMs: Array<number> = []
  for (let i = 0; i < 10; i++) {
    yield* Effect.scoped(Effect.gen(function*() {
      const user = yield* RtcUser.make
      const started = process.hrtime.bigint()
      const accepted = yield* webRtc.accept(user.offer)
      yield* user.answer(accepted.answer)
      yield* accepted.opened
      connectMs.push(Number(process.hrtime.bigint() - started) / 1e6)
      yield* accepted.connection.close("session_ended")
    }))
  }
  return { calls: connectMs.length, alive: webRtc.size(), connectMs: connectMs.map(Math.round) }
}))

console.log(JSON.stringify(await Effect.runPromise(main)))
