import { it } from "@effect/vitest"
import { fewer } from "../support/Full.ts"
import { heardByUser } from "./HeardByUser.ts"

it.effect("a speech-to-speech model is told what was heard of it, in random conversations", () =>
  heardByUser(0, fewer(12)))
