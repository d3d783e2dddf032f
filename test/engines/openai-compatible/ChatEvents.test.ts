import { assert, describe, it, vi } from "@effect/vitest"
import { type ChatEvent, ChatEvents } from "../../../src/engines/openai-compatible/ChatEvents.ts"

describe("ChatEvents", () => {
  it("does not try to parse each line of a long body that can be no value by itself", () => {
    const parse = vi.spyOn(JSON, "parse")
    try {
      const told: Array<ChatEvent> = []
      const events = new ChatEvents((event) => void told.push(event))
      events.push(`[${"{\n".repeat(20_000)}`)
      events.push("\"a\": 1,\n".repeat(20_000))
      events.end()
      assert.deepStrictEqual(told.map(({ _tag }) => _tag), ["Unreadable"])
      assert.isBelow(parse.mock.calls.length, 100)
    } finally {
      parse.mockRestore()
    }
  })
})
