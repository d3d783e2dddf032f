import { describe, it } from "@effect/vitest"
import { sessions } from "./ChatSessions.ts"

describe("Sessions with a chat server", () => {
  it.live("hear the same answers and run the same calls, however the server tells them", () => sessions(0, 30))
})
