/** Which destinations may be called. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Destination, isAllowed, PhoneAddress } from "../../../src/session/call/PhoneAddress.ts"

const isAddress = Schema.is(PhoneAddress)
const isDestination = Schema.is(Destination)

const Digit = Schema.Literals(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"])
const FirstDigit = Schema.Literals(["1", "2", "3", "4", "5", "6", "7", "8", "9"])
const Numbers = Schema.Tuple([
  FirstDigit,
  Schema.Array(Digit).check(Schema.isMinLength(6), Schema.isMaxLength(14))
])
const numberOf = ([first, rest]: typeof Numbers.Type) => `+${first}${rest.join("")}`

describe("an address that can be called", () => {
  it.prop("is every number of E.164", [Numbers], ([parts]) => {
    assert.isTrue(isAddress(numberOf(parts)))
  })

  it.prop("is no other text that begins like one", [Numbers, Schema.String], ([parts, text]) => {
    const address = numberOf(parts) + text
    assert.strictEqual(isAddress(address), /^\d*$/u.test(text) && address.length <= 16)
  })

  it("is a SIP address without parameters, and nothing that means more in a document or a dialplan", () => {
    for (const good of ["sip:a@b", "sips:desk.1+x@sip.example.com:5061", "SIP:100@127.0.0.1", "sip:*98@pbx.local"]) {
      assert.isTrue(isAddress(good), good)
    }
    for (
      const bad of [
        "sip:@b",
        "sip:a@",
        "sip:a@b;transport=tcp",
        "sip:a@b?Subject=x",
        "sip:a&b@c",
        "sip:a,b@c",
        "sip:<a>@c",
        "sip:a@b@c",
        "sip:a@b:",
        "sip:a@b:123456",
        "sip:a@-b",
        "sip:a@b/c",
        "sip:a@b\n",
        "sip:a @b",
        `sip:${"a".repeat(65)}@b`,
        "+44 2071838750",
        "442071838750",
        "+0442071838750",
        "+44",
        "911",
        "tel:+442071838750",
        "PJSIP/100"
      ]
    ) {
      assert.isFalse(isAddress(bad), bad)
    }
  })
})

describe("the list of destinations", () => {
  it.prop("allows nobody where it is empty, and nobody but those of its entries", [Numbers, Numbers], ([a, b]) => {
    const [one, other] = [numberOf(a), numberOf(b)]
    assert.isFalse(isAllowed([], one))
    assert.strictEqual(isAllowed([one], other), other.startsWith(one))
    assert.isTrue(isAllowed([one], one))
    assert.isTrue(isAllowed(["+"], one))
    assert.isFalse(isAllowed(["sip:"], one))
  })

  it.prop(
    "is decided by the longest entry that fits, whatever their order, and by the refusal of two equal ones",
    [
      Numbers,
      Schema.Array(Schema.Tuple([Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 16 })), Schema.Boolean]))
    ],
    ([parts, entries]) => {
      const number = numberOf(parts)
      const list = entries.map(([length, refuses]) => `${refuses ? "!" : ""}${number.slice(0, Math.max(1, length))}`)
      const longest = Math.max(-1, ...list.map((entry) => entry.replace("!", "").length))
      const deciding = list.filter((entry) => entry.replace("!", "").length === longest)
      const expected = deciding.length > 0 && deciding.every((entry) => !entry.startsWith("!"))
      assert.strictEqual(isAllowed(list, number), expected, list.join(" "))
      assert.strictEqual(isAllowed(list.toReversed(), number), expected, list.join(" "))
    }
  )

  it("has hosts of SIP addresses as a whole", () => {
    const list = ["sip:example.com", "!sip:bad.example.com"]
    assert.isTrue(isAllowed(list, "sip:a@example.com"))
    assert.isTrue(isAllowed(list, "sips:a@EXAMPLE.com:5061"))
    for (const other of ["sip:a@example.com.evil.example", "sip:a@sub.example.com", "sip:example.com@evil.example"]) {
      assert.isFalse(isAllowed(list, other), other)
    }
    assert.isFalse(isAllowed(["sip:", "!sip:bad.example.com"], "sip:a@bad.example.com"))
    assert.isTrue(isAllowed(["sip:", "!sip:bad.example.com"], "sip:a@good.example.com"))
  })

  it("takes prefixes and hosts alone", () => {
    for (const good of ["+", "+1", "!+1876", "sip:", "sip:example.com", "!sip:127.0.0.1"]) {
      assert.isTrue(isDestination(good), good)
    }
    for (const bad of ["", "*", "1", "GB", "+1*", "!", "!!+1", "sip:*.example.com", "sip:a@b", "+1 415"]) {
      assert.isFalse(isDestination(bad), bad)
    }
  })
})
