import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Backchannel from "../../../src/conversation/machine/Backchannel.ts"

const { isBackchannel, mayBecomeBackchannel } = Backchannel.make([], "en")

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
  ])("%s", (transcript) => assert.isTrue(isBackchannel(transcript)))

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
  ])("not: %s", (transcript) => assert.isFalse(isBackchannel(transcript)))

  it("learns phrases", () => {
    const learned = Backchannel.make(["Genau", "na klar", "!"], "en")
    assert.isTrue(learned.isBackchannel("Genau, na klar."))
    assert.isTrue(learned.isBackchannel("genau okay"))
    assert.isFalse(learned.isBackchannel("na"))
    assert.isFalse(learned.isBackchannel("!"))
    assert.isFalse(isBackchannel("genau"))
  })

  it.each([
    ["en-GB", ["yes", "sounds good"], ["ja", "oui", "genau"]],
    ["de", ["Ja.", "ja ja", "Ach so, alles klar", "genau", "na klar", "mhm"], [
      "nein",
      "doch",
      "yes",
      "warte mal",
      "ja aber"
    ]],
    ["de-AT", ["verstehe"], []],
    ["fr", ["Oui", "d’accord", "Ah bon", "c'est ça", "tout à fait"], ["non", "attendez", "ja"]],
    ["es-MX", ["Sí.", "claro", "Claro que sí", "vale", "ya veo"], ["no", "espera"]],
    ["it", ["Sì", "va bene", "ho capito", "si\u0300"], ["no", "aspetta"]],
    ["pt-BR", ["Sim", "tá bom", "com certeza", "pois é"], ["não", "espera"]],
    ["nl", ["Ja hoor", "precies", "snap ik"], ["nee", "wacht"]],
    ["ja", ["mhm", "OK"], ["yes", "ja"]],
    ["constructor", ["mhm"], ["yes"]],
    [undefined, ["yes", "ja", "oui", "sí", "va bene", "pois é"], ["nein", "no", "non", "wait"]]
  ])("of %s", (language, backchannels, others) => {
    const { isBackchannel } = Backchannel.make([], language)
    for (const text of backchannels) assert.isTrue(isBackchannel(text), text)
    for (const text of others) assert.isFalse(isBackchannel(text), text)
  })

  it("knows what more words may make a backchannel", () => {
    for (const text of ["I", "no", "sounds", "yeah I", "that makes", "oh, right, of"]) {
      assert.isTrue(mayBecomeBackchannel(text), text)
    }
    for (const text of ["", "yeah", "I see", "I see a", "wait", "good sounds bad", "Hello"]) {
      assert.isFalse(mayBecomeBackchannel(text), text)
    }
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
      assert.isTrue(isBackchannel(phrases.join(", ")))
      assert.isFalse(isBackchannel([...phrases, "banana"].join(" ")))
      assert.isFalse(isBackchannel(["banana", ...phrases].join(" ")))
    }
  )
})
