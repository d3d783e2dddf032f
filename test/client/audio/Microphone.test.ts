import { assert, describe, it, vi } from "@effect/vitest"
import { microphoneError } from "../../../src/client/audio/Microphone.ts"

describe("microphoneError", () => {
  it("knows the browser's errors by name, whatever class they are of", () => {
    const codeOf = (name: string) => [
      microphoneError(new DOMException("", name)).code,
      // as in older browsers
      microphoneError({ name, constraint: "deviceId" }).code
    ]
    assert.deepStrictEqual(codeOf("NotAllowedError"), ["microphone_denied", "microphone_denied"])
    assert.deepStrictEqual(codeOf("OverconstrainedError"), ["microphone_missing", "microphone_missing"])
    assert.deepStrictEqual(codeOf("NotReadableError"), ["microphone_failed", "microphone_failed"])
    for (const thrown of [undefined, null, "NotAllowedError", {}]) {
      assert.strictEqual(microphoneError(thrown).code, "microphone_failed")
    }
  })

  it("says who refused it, as far as the browser does", () => {
    const reasonOf = (message: string) =>
      microphoneError(new DOMException(message, "NotAllowedError")).details?.["reason"]
    assert.strictEqual(reasonOf("Permission denied"), "blocked")
    assert.strictEqual(reasonOf("Permission dismissed"), "dismissed")
    assert.strictEqual(reasonOf("Permission denied by system"), "system")
    vi.stubGlobal("document", { featurePolicy: { allowsFeature: (name: string) => name !== "microphone" } })
    try {
      assert.strictEqual(reasonOf("Permission denied"), "frame")
    } finally {
      vi.unstubAllGlobals()
    }
  })
})
