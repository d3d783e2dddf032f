import { describe, it } from "@effect/vitest"
import { sessions } from "./ChatSessions.ts"

const COUNT = 2_000

describe("Sessions with a chat server", () => {
  // seeds that the unit tests do not use
  it.live(`${COUNT} hear the same answers and run the same calls`, () => sessions(1_000, COUNT), 1_800_000)
})
