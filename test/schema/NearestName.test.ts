import { assert, describe, it } from "@effect/vitest"
import { nearest, unknownName } from "../../src/schema/NearestName.ts"

const known = ["stt_provider", "tts_provider", "s2s_provider", "session", "store", "vad_provider"]

describe("NearestName", () => {
  it("finds the name with the fewest edits", () => {
    assert.strictEqual(nearest("stt_provder", known), "stt_provider")
    assert.strictEqual(nearest("tst_provider", known), "stt_provider")
    assert.strictEqual(nearest("sesion", known), "session")
    assert.strictEqual(nearest("stores", known), "store")
    assert.strictEqual(nearest("session", known), "session")
  })

  it("does not count case and separators", () => {
    assert.strictEqual(nearest("sttProvider", known), "stt_provider")
    assert.strictEqual(nearest("VAD-PROVIDER", known), "vad_provider")
  })

  it("finds the only name that begins with these words", () => {
    const keys = ["turn_detection_provider", "max_retries", "max_sessions", "noise_cancellation_provider", "turn"]
    assert.strictEqual(nearest("turn_detection", keys), "turn_detection_provider")
    assert.strictEqual(nearest("noiseCancellation", keys), "noise_cancellation_provider")
    assert.isUndefined(nearest("max", keys), "two begin with it")
    assert.isUndefined(nearest("noise_cancel", keys), "it ends within a word")
    assert.isUndefined(nearest("-", keys))
  })

  it("finds nothing where nothing is close", () => {
    for (const name of ["", "x", "colour", "max_retries", "s".repeat(10_000)]) {
      assert.isUndefined(nearest(name, known), name.slice(0, 20))
    }
    assert.isUndefined(nearest("a", ["b"]), "one letter is no misspelling of another")
    assert.isUndefined(nearest("session", []))
  })

  it("never repeats the unknown name", () => {
    assert.strictEqual(
      unknownName("engine", "flitte", ["moonshine", "flite"]),
      "unknown engine; did you mean `flite`?"
    )
    assert.strictEqual(unknownName("agent", "hunter2", ["builtin"]), "unknown agent; expected one of builtin")
    assert.strictEqual(unknownName("agent", "hunter2", []), "unknown agent; none is registered")
  })
})
