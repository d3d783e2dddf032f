import { describe } from "@effect/vitest"
import { check } from "./Distortions.ts"

describe("A chat completion", () => check(20_000))
