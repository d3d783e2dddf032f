import { assert, describe, it } from "@effect/vitest"
import * as RoomFacts from "../../../src/providers/livekit/room/RoomFacts.ts"
import type { Person } from "../../../src/providers/livekit/room/RoomPeople.ts"

describe("RoomFacts", () => {
  it("says who calls, without what is ours, now and after they have left", () => {
    let person: Person | undefined
    const facts = RoomFacts.make("desk", () => person)
    assert.deepStrictEqual(facts(), { room: "desk" })
    const attributes = { "sip.phoneNumber": "+4930", "effect-voice.token": "secret", "effect-voice.served": "s" }
    person = { identity: "sip_1", sid: "s", name: "Ada", attributes }
    const known = {
      room: "desk",
      participant: { identity: "sip_1", name: "Ada", attributes: { "sip.phoneNumber": "+4930" } }
    }
    assert.deepStrictEqual(facts(), known)
    person = undefined
    assert.deepStrictEqual(facts(), known)
    person = { identity: "bob", attributes: { plan: "gold" } }
    assert.deepStrictEqual(facts(), {
      room: "desk",
      participant: { identity: "bob", name: "", attributes: { plan: "gold" } }
    })
  })
})
