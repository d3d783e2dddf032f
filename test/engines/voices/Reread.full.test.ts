/** How well the default voice is understood: all replies, and a voice of the 1990s beside it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Flite from "../../../src/engines/flite/index.ts"
import * as Hibari from "../../../src/engines/hibari/index.ts"
import * as Moonshine from "../../../src/engines/moonshine/index.ts"
import * as Silero from "../../../src/engines/silero/index.ts"
import { replies } from "./Replies.ts"
import { reread } from "./Reread.ts"

const listeners = Layer.mergeAll(Moonshine.definition.layer({}), Silero.definition.layer({}))

describe("replies, heard by the recogniser", () => {
  it.live("hibari: at most 1 % of the words are misheard, and fewer than of flite", () =>
    Effect.gen(function*() {
      const hibari = yield* Effect.provide(reread(replies), Layer.merge(Hibari.layer(), listeners))
      const flite = yield* Effect.provide(reread(replies), Layer.merge(Flite.layer(), listeners))
      assert.isAtLeast(hibari.words, 300)
      assert.isAtMost(hibari.wrong / hibari.words, 0.01, JSON.stringify(hibari.misheard, null, 2))
      assert.isBelow(hibari.wrong, flite.wrong)
    }), 1_200_000)
})
