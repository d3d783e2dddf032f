import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { silentModels } from "./SilentModels.ts"

it.live("a session answers the next turn, whatever its speech-to-speech model did before, in 25 random conversations", () =>
  Effect.gen(function*() {
    const seen = yield* silentModels(0, 25)
    assert.isAtLeast(seen.size, 8)
  }))
