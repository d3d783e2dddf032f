import { assert, describe, it } from "@effect/vitest"
import { reachLikeServer } from "../../src/server/TelephonyAddress.ts"

const publicUrl = "https://voice.example/calls"

describe("reachLikeServer", () => {
  it("has carriers reach the provider where clients reach the server", () => {
    assert.deepEqual(reachLikeServer({ provider: "telephony", provider_config: { carriers: [] } }, { publicUrl }), {
      provider: "telephony",
      provider_config: { carriers: [], public_url: publicUrl }
    })
  })

  it("keeps an address that is configured, other providers, and what has none", () => {
    for (
      const raw of [
        { provider: "telephony", provider_config: { public_url: "https://other.example" } },
        { provider: "local" },
        { provider: "telephony", provider_config: "malformed" }
      ]
    ) assert.strictEqual(reachLikeServer(raw, { publicUrl }), raw)
    const bare = { provider: "telephony" }
    assert.strictEqual(reachLikeServer(bare, {}), bare)
  })
})
