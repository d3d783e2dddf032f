import { it } from "@effect/vitest"
import { heardByUser } from "./HeardByUser.ts"

const COUNT = 500

// seeds that the unit tests do not use
it.effect(
  `a speech-to-speech model is told what was heard of it, in ${COUNT} random conversations`,
  () => heardByUser(1_000, COUNT),
  1_200_000
)
