import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { faults } from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { silentModels } from "./SilentModels.ts"

const COUNT = 2_000

it.live(
  `a session answers the next turn, whatever its model did before, in ${COUNT} random conversations`,
  () =>
    Effect.gen(function*() {
      // seeds that the unit tests do not use
      const seen = yield* silentModels(1_000, COUNT)
      yield* Effect.log(Object.fromEntries(seen))
      for (const what of [...faults, "failed", "no_reply", "empty"]) assert.isAbove(seen.get(what) ?? 0, 0, what)
    }),
  1_200_000
)
