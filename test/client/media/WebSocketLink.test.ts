import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { openSocket } from "../../../src/client/media/WebSocketLink.ts"

describe("WebSocketLink.openSocket", () => {
  afterEach(() => void vi.unstubAllGlobals())

  const errorOf = (target: { readonly baseUrl: string; readonly token: string }, name: string) => {
    vi.stubGlobal("location", new URL("https://page.example/"))
    vi.stubGlobal(
      "WebSocket",
      function() {
        throw new DOMException("", name)
      }
    )
    return openSocket({ id: "ses_1", ...target }, new AbortController().signal).then(() => undefined, (cause) => cause)
  }

  it("says that a page from https cannot use plain http", async () => {
    const error = await errorOf({ baseUrl: "http://voice.example", token: "t" }, "SecurityError")
    assert.include(error, { name: "VoiceClientError", code: "connection_failed" })
    assert.deepStrictEqual(error.details, { reason: "mixed_content" })
  })

  it("says that a token is none", async () => {
    const error = await errorOf({ baseUrl: "https://voice.example", token: "t\n" }, "SyntaxError")
    assert.include(error, { name: "VoiceClientError", code: "authentication_failed" })
  })
})
