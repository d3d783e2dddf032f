import { assert, describe, it } from "@effect/vitest"
import * as ClientAddress from "../../../src/server/access/ClientAddress.ts"

describe("ClientAddress", () => {
  const address = ClientAddress.make(["10.0.0.0/8", "fd00::/8", "192.0.2.7"])
  const xff = (list: string) => ({ "x-forwarded-for": list })

  it("ignores the headers of clients that are not trusted proxies", () => {
    assert.strictEqual(address("203.0.113.5", xff("1.2.3.4")), "203.0.113.5")
    assert.strictEqual(address("::ffff:10.1.2.3", xff("1.2.3.4")), "1.2.3.4")
    assert.strictEqual(address("10.1.2.3", {}), "10.1.2.3")
    assert.strictEqual(address(undefined, xff("1.2.3.4")), undefined)
    assert.strictEqual(ClientAddress.make([])("127.0.0.1", xff("1.2.3.4")), "127.0.0.1")
  })

  it("takes the last hop that is not a trusted proxy", () => {
    assert.strictEqual(address("10.1.2.3", xff("6.6.6.6, 1.2.3.4, 192.0.2.7")), "1.2.3.4")
    assert.strictEqual(address("10.1.2.3", xff("6.6.6.6, nonsense, 192.0.2.7")), "192.0.2.7")
    assert.strictEqual(address("fd00::1", xff("1.2.3.4:5678")), "1.2.3.4")
    assert.strictEqual(
      address("fd00::1", { forwarded: "for=6.6.6.6, for=\"[2001:db8::1]:80\";proto=https" }),
      "2001:db8::1"
    )
    assert.strictEqual(address("::ffff:a01:203", xff("2001:DB8:0::1")), "2001:db8::1")
    assert.strictEqual(address("10.1.2.3", xff(Array(10_000).fill("10.0.0.1").join(","))), "10.0.0.1")
  })

  it("ignores both headers when they disagree", () => {
    assert.strictEqual(address("10.1.2.3", { ...xff("1.2.3.4"), forwarded: "for=6.6.6.6" }), "10.1.2.3")
    assert.strictEqual(address("10.1.2.3", { ...xff("1.2.3.4"), forwarded: "for=1.2.3.4" }), "1.2.3.4")
    // only the hops that are walked are compared: two long headers would take half a second
    const commas = ",".repeat(8_000)
    assert.strictEqual(
      address("10.1.2.3", { ...xff(`${commas}1.2.3.4`), forwarded: `${commas},for=1.2.3.4` }),
      "1.2.3.4"
    )
    assert.strictEqual(
      address("10.1.2.3", { ...xff(`${commas}1.2.3.4`), forwarded: `${commas}for=6.6.6.6` }),
      "10.1.2.3"
    )
  })

  it("parses addresses and ranges", () => {
    for (const good of ["10.0.0.0/8", "10.1.2.3/8", "::/0", "127.0.0.1", "fd00::1"]) {
      assert.isDefined(ClientAddress.parseRange(good))
    }
    for (const wrong of ["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-1"]) {
      assert.isUndefined(ClientAddress.parseRange(wrong))
    }
  })
})
