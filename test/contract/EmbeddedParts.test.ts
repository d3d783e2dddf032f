/** The suites over the embedded engines that take a second; the others are in `EmbeddedParts.full.test.ts`. */
import { describe } from "@effect/vitest"
import * as EmbeddedParts from "./EmbeddedParts.ts"
import * as Parts from "./Parts.ts"

describe("the voice flite", () => Parts.each(EmbeddedParts.flite()))
describe("the voice activity detector silero", () => Parts.each(EmbeddedParts.silero()))
describe("the noise suppressor rnnoise", () => Parts.each(EmbeddedParts.rnnoise()))
