import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { fewer } from "../support/Full.ts"
import { silentModels } from "./SilentModels.ts"

it.live("a session answers the next turn, whatever its speech-to-speech model did before, in random conversations", () =>
  Effect.gen(function*() {
    const seen = yield* silentModels(0, fewer(40))
    assert.isAtLeast(seen.size, 8)
  }))
