import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { addressesOf } from "../../../src/client/media/CallSetup.ts"

describe("CallSetup.addressesOf", () => {
  beforeEach(() => void vi.stubGlobal("location", new URL("https://app.example/talk?x=1")))
  afterEach(() => void vi.unstubAllGlobals())

  const session = { id: "ses_1", token: "t" }
  const at = (base: string) => ({ ...session, connectionUrl: `${base}/v1/sessions/ses_1/audio` })
  const url = "https://voice.example/base/"
  const general = "https://voice.example/base"

  it("is the general URL, and the node that the server says before it", () => {
    const node = "https://n1.voice.example:8443/base"
    const known = { baseUrl: general, otherUrl: node, otherFirst: true }
    assert.deepStrictEqual(addressesOf(at(node.replace("https", "wss")), { url }), known)
    assert.deepStrictEqual(addressesOf(at(node), { url, session }), known)
    assert.deepStrictEqual(addressesOf(at("wss://voice.example/base"), { url }), { baseUrl: general })
    assert.deepStrictEqual(addressesOf(session, { url }), { baseUrl: general })
    // a page of the server itself
    assert.deepStrictEqual(addressesOf(at("wss://n1.example"), {}), {
      baseUrl: "https://app.example",
      otherUrl: "https://n1.example",
      otherFirst: true
    })
  })

  it("is where an application's session is said to be, for a page that says no URL", () => {
    const own = at("wss://voice.example")
    assert.deepStrictEqual(addressesOf(own, { session: own }), {
      baseUrl: "https://voice.example",
      otherUrl: "https://app.example"
    })
    assert.deepStrictEqual(addressesOf(session, { session }), { baseUrl: "https://app.example" })
  })

  it("is none of another platform's, nor of what is no session", () => {
    for (const connectionUrl of ["wss://livekit.example", "https://x.example/v1/sessions/s/history", "nonsense", ""]) {
      assert.deepStrictEqual(addressesOf({ ...session, connectionUrl }, { url }), { baseUrl: general })
    }
    assert.deepStrictEqual(addressesOf({ ...at("wss://n1.example"), protocol: "livekit" }, { url }), {
      baseUrl: general
    })
  })
})
