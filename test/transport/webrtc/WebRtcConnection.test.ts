import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as WebRtcConnection from "../../../src/transport/webrtc/WebRtcConnection.ts"
import * as RtcUser from "../RtcUser.ts"

describe("WebRtcConnection", () => {
  it.live("lets the process end after a call", () =>
    Effect.gen(function*() {
      const output = yield* Effect.callback<string>((resume) => {
        execFile(
          process.execPath,
          [fileURLToPath(new URL("CallAndExit.ts", import.meta.url))],
          { timeout: 120_000 },
          (error, stdout) => resume(error === null ? Effect.succeed(stdout) : Effect.die(error))
        )
      })
      assert.include(JSON.parse(output), { calls: 10, alive: 0 })
    }))

  it.live("rejects an invalid offer before native code parses it", () =>
    Effect.gen(function*() {
      const webRtc = yield* WebRtcConnection.make({ bindAddress: "127.0.0.1" })
      const failure = yield* Effect.flip(webRtc.accept("v=0\r\nhello"))
      assert.strictEqual(failure.code, "invalid_config")
      assert.include(failure.message, "line 2")
      assert.strictEqual(webRtc.size(), 0)
    }))

  it.live("ends a call with its scope", () =>
    Effect.gen(function*() {
      const webRtc = yield* WebRtcConnection.make({ bindAddress: "127.0.0.1" })
      const user = yield* RtcUser.make
      const ends: Array<string> = []
      yield* Effect.scoped(Effect.gen(function*() {
        const accepted = yield* webRtc.accept(user.offer)
        yield* user.answer(accepted.answer)
        yield* accepted.opened
        accepted.connection.listen({
          audio: () => {},
          gap: () => {},
          message: () => {},
          malformed: () => {},
          closed: (reason) => ends.push(reason)
        })
        assert.strictEqual(webRtc.size(), 1)
      }))
      assert.deepStrictEqual(ends, ["server_closed"])
      assert.strictEqual(webRtc.size(), 0)
      yield* user.closed
    }))
})
