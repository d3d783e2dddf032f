/** The suites over the embedded engines with large models. */
import { describe } from "@effect/vitest"
import * as EmbeddedParts from "./EmbeddedParts.ts"
import * as Parts from "./Parts.ts"

describe("the recogniser moonshine", () => Parts.each(EmbeddedParts.moonshine()))
describe("the voice hibari", () => Parts.each(EmbeddedParts.hibari()))
describe("the turn detector smart-turn", () => Parts.each(EmbeddedParts.smartTurn()))
