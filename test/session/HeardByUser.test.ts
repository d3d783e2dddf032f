import { it } from "@effect/vitest"
import { heardByUser } from "./HeardByUser.ts"

it.effect("a speech-to-speech model is told what was heard of it, in 12 random conversations", () => heardByUser(0, 12))
