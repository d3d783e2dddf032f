import { assert, describe, it } from "@effect/vitest"
import { bindLikeServer } from "../../src/server/WebRtcBinding.ts"

const bound = (
  server: { readonly host: string; readonly publicUrl?: string },
  providerConfig: Record<string, unknown> = {},
  provider = "local"
) => bindLikeServer({ provider, provider_config: providerConfig }, server)["provider_config"]

describe("bindLikeServer", () => {
  it("binds WebRTC to loopback when the server listens on loopback", () => {
    assert.deepEqual(bound({ host: "127.0.0.1" }), { bind_address: "127.0.0.1" })
    assert.deepEqual(bound({ host: "127.0.0.2" }), { bind_address: "127.0.0.2" })
    assert.deepEqual(bound({ host: "localhost" }), { bind_address: "127.0.0.1" })
    assert.deepEqual(bound({ host: "::1" }), { bind_address: "::1" })
    assert.deepEqual(bound({ host: "[::1]" }), { bind_address: "::1" })
    assert.deepEqual(bound({ host: "127.0.0.1" }, { max_connections_per_session: 2 }), {
      bind_address: "127.0.0.1",
      max_connections_per_session: 2
    })
    assert.deepEqual(bound({ host: "127.0.0.1", publicUrl: "http://localhost:1" }), {
      bind_address: "127.0.0.1"
    })
  })

  it("keeps a public server, an address that is configured, and other providers as they are", () => {
    assert.deepEqual(bound({ host: "0.0.0.0" }), {})
    assert.deepEqual(bound({ host: "127.0.0.1", publicUrl: "https://voice.example" }), {})
    assert.deepEqual(bound({ host: "127.0.0.1" }, { bind_address: "192.0.2.1" }), {
      bind_address: "192.0.2.1"
    })
    assert.deepEqual(bound({ host: "127.0.0.1" }, { announce_address: "192.0.2.1" }), {
      announce_address: "192.0.2.1"
    })
    assert.deepEqual(bound({ host: "127.0.0.1" }, {}, "livekit"), {})
  })
})
