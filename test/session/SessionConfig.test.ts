import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { decodeMetadata, MAX_METADATA_DEPTH } from "../../src/session/SessionConfig.ts"

const nested = (levels: number): unknown => JSON.parse(`{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`)

describe("SessionConfig", () => {
  it.effect("takes metadata of 32 levels, and refuses deeper ones with a message, whatever their depth", () =>
    Effect.gen(function*() {
      yield* decodeMetadata("test", nested(MAX_METADATA_DEPTH))
      for (const levels of [MAX_METADATA_DEPTH + 1, 7_000, 30_000]) {
        const error = yield* Effect.flip(decodeMetadata("test", nested(levels)))
        assert.strictEqual(error.code, "invalid_config")
        assert.include(error.message, "expected at most 32 levels")
      }
    }))
})
