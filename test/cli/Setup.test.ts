import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import * as Setup from "../../src/cli/Setup.ts"

const base = { pipeline_type: "stt_tts", stt_provider: "moonshine", tts_provider: "flite" }

const bound = Effect.fnUntraced(function*(
  server: { readonly host: string; readonly publicUrl?: string },
  providerConfig: Record<string, unknown> = {},
  provider = "local"
) {
  const config = yield* BackendConfig.decode({ ...base, provider, provider_config: providerConfig })
  return Setup.besideServer(config, server).providerConfig
})

describe("Setup.besideServer", () => {
  it.effect("keeps WebRTC on this machine where the server is", () =>
    Effect.gen(function*() {
      assert.deepEqual(yield* bound({ host: "127.0.0.1" }), { bind_address: "127.0.0.1" })
      assert.deepEqual(yield* bound({ host: "127.0.0.2" }), { bind_address: "127.0.0.2" })
      assert.deepEqual(yield* bound({ host: "localhost" }), { bind_address: "127.0.0.1" })
      assert.deepEqual(yield* bound({ host: "::1" }), { bind_address: "::1" })
      assert.deepEqual(yield* bound({ host: "[::1]" }), { bind_address: "::1" })
      assert.deepEqual(yield* bound({ host: "127.0.0.1" }, { max_connections_per_session: 2 }), {
        bind_address: "127.0.0.1",
        max_connections_per_session: 2
      })
      assert.deepEqual(yield* bound({ host: "127.0.0.1", publicUrl: "http://localhost:1" }), {
        bind_address: "127.0.0.1"
      })
    }))

  it.effect("leaves alone what is meant for others, what is said, and other providers", () =>
    Effect.gen(function*() {
      assert.deepEqual(yield* bound({ host: "0.0.0.0" }), {})
      assert.deepEqual(yield* bound({ host: "127.0.0.1", publicUrl: "https://voice.example" }), {})
      assert.deepEqual(yield* bound({ host: "127.0.0.1" }, { bind_address: "192.0.2.1" }), {
        bind_address: "192.0.2.1"
      })
      assert.deepEqual(yield* bound({ host: "127.0.0.1" }, { announce_address: "192.0.2.1" }), {
        announce_address: "192.0.2.1"
      })
      assert.deepEqual(yield* bound({ host: "127.0.0.1" }, {}, "livekit"), {})
    }))
})
