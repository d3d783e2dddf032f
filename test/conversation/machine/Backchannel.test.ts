import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Backchannel from "../../../src/conversation/machine/Backchannel.ts"

describe("Backchannel", () => {
  it.each([
    "Mhm.",
    "mm-hmm",
    "Uh-huh.",
    "yeah",
    "Right.",
    "Okay",
    "OK!",
    "I see.",
    "sure",
    "Got it.",
    "Yeah, yeah, yeah.",
    "Okay, I see.",
    "right right",
    "Oh, really?",
    "That’s right.",
    "Yeah, okay, got it.",
    "ah ha",
    "Makes sense.",
    "WOW"
  ])("%s", (transcript) => assert.isTrue(Backchannel.isBackchannel(transcript)))

  it.each([
    "",
    " ",
    "...",
    "No.",
    "Wait.",
    "stop",
    "yeah but",
    "Okay, what about Monday?",
    "I see a problem.",
    "right now",
    "I",
    "got",
    "Hello",
    "Sure, go ahead and book it",
    "no yeah",
    "yeah ".repeat(60),
    "uh",
    "right?? why"
  ])("not: %s", (transcript) => assert.isFalse(Backchannel.isBackchannel(transcript)))

  it("learns phrases", () => {
    const isBackchannel = Backchannel.make(["Genau", "na klar", "!"])
    assert.isTrue(isBackchannel("Genau, na klar."))
    assert.isTrue(isBackchannel("genau okay"))
    assert.isFalse(isBackchannel("na"))
    assert.isFalse(isBackchannel("!"))
    assert.isFalse(Backchannel.isBackchannel("genau"))
  })

  it.prop(
    "knows any row of its phrases, and none with another word in it",
    [
      Schema.Array(Schema.Literals(["mhm", "uh-huh", "I see", "Right", "got it"])).check(
        Schema.isMinLength(1),
        Schema.isMaxLength(8)
      )
    ],
    ([phrases]) => {
      assert.isTrue(Backchannel.isBackchannel(phrases.join(", ")))
      assert.isFalse(Backchannel.isBackchannel([...phrases, "banana"].join(" ")))
      assert.isFalse(Backchannel.isBackchannel(["banana", ...phrases].join(" ")))
    }
  )
})
