import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import * as Builtin from "../../../src/builtin/Engines.ts"
import * as EndOfTurn from "../../../src/engines/local/words/EndOfTurn.ts"
import * as Text from "../../../src/engines/text/index.ts"
import { TurnDetector } from "../../../src/speech/TurnDetector.ts"

const endOfTurn = EndOfTurn.make()
const of = (transcript: string, agentSaid = "") => endOfTurn({ transcript, agentSaid })

/** Transcripts of the user, by what the agent said before. */
type Table = { readonly [agentSaid: string]: ReadonlyArray<string> }

const complete: Table = {
  "": [
    "Book a table for two.",
    "What time do you close?",
    "Where are you from?",
    "What are you looking for?",
    "Who am I talking to?",
    "Who is it for?",
    "Can you help me?",
    "I think so.",
    "I hope so too.",
    "That's all I need.",
    "That's what I want.",
    "You can call me if you want.",
    "How do I log in?",
    "Please turn it on.",
    "I can't sign in.",
    "What should I do?",
    "Do you know?",
    "Hello.",
    "Thanks a lot.",
    "Never mind.",
    "Stop.",
    "It was nice though.",
    "The meeting is at nine p.m.",
    "I live in the U.S.",
    "Call nine one one.",
    "Yes, I am.",
    "I know where it is.",
    "What does it look like?",
    "I told you, what was it about?",
    "That's what I'm looking for.",
    "I know where the key is.",
    "The second of May.",
    "Turn the lights on.",
    "I'll take both.",
    "Not that I know of.",
    "Let's meet at nine am.",
    "Send it to john@example.com.",
    "Is it going to rain tomorrow?",
    "We are both doing well."
  ],
  "Would you like anything else?": [
    "No.",
    "No thanks.",
    "Yes please.",
    "I'm good.",
    "I do.",
    "No, I don't.",
    "Just a coffee.",
    "Maybe.",
    "I'd love to.",
    "No, I don't need to."
  ],
  "What is your phone number?": [
    "Five five five, one two three, four five six seven.",
    "555-123-4567.",
    "It's 5 5 5 1 2 3 4 5 6 7.",
    "Double five five, one two three, double four double six.",
    "I don't have one.",
    "Why do you ask?",
    "One eight hundred, five five five, one two one two."
  ],
  "What are the last four digits of your card?": ["Four two four two.", "4242."],
  "Please enter the 6-digit code.": ["One two three four five six.", "123456"],
  "What's your zip code?": ["Nine oh two one oh.", "90210."],
  "What is your e-mail address?": [
    "John dot smith at gmail dot com.",
    "john@gmail.com",
    "It's jo at example dot org.",
    "I don't have one.",
    "No, I'd rather not give it."
  ],
  "What is your date of birth?": ["March fifth nineteen eighty five.", "The 5th of March 1985."],
  "How old are you?": ["Twenty."],
  "What time would suit you?": ["Seven thirty."],
  "Have you tried to restart it?": ["I already did.", "I have."],
  "What date suits you?": ["March fifth.", "The 3rd of May.", "Tomorrow."]
}

const incomplete: Table = {
  "": [
    "And",
    "I want to book a table for two and.",
    "I would go but.",
    "That's because.",
    "I want to.",
    "I want to go to the.",
    "I'd like a.",
    "I'm looking for.",
    "Can you.",
    "Could you tell me.",
    "Let me.",
    "My name is.",
    "My number is.",
    "So I was wondering.",
    "Um.",
    "I need, uh.",
    "It's like.",
    "I was there, you know.",
    "Let me see.",
    "Hold on.",
    "I think that.",
    "What about.",
    "What if.",
    "Do you have any.",
    "I was walking with my.",
    "I mean.",
    "First,",
    "First of all.",
    "I'll.",
    "It's.",
    "Because I have.",
    "My wife and I.",
    "It is one hundred and.",
    "I paid twenty.",
    "Three point.",
    "The book which.",
    "I want that one,",
    "I would like maybe.",
    "Well.",
    "For example.",
    "Instead of.",
    "He said.",
    "If you.. if",
    "That's what I want to.",
    "When I was.",
    "When I was in.",
    "What time is.",
    "Where are.",
    "So what I want is.",
    "I have two questions, first.",
    "I tried to restart it but it.",
    "I don't really.",
    "I am.",
    "My account number is four four.",
    "My address is twelve.",
    "Send it to john at gmail.",
    "Five five five.",
    "J O H N",
    "Then I went home and the",
    "There are a lot of."
  ],
  "What is your phone number?": [
    "Five five five.",
    "Five five five, one two three.",
    "It's 555 123.",
    "Sure, it's.",
    "Five five five one two three four five six.",
    "Double five."
  ],
  "May I have your card number?": ["4242 4242 4242.", "Four two four two, four two four two."],
  "What's your zip code?": ["Nine oh two.", "902"],
  "What are the last four digits of your card?": ["Four two."],
  "What is your order number?": ["One two three."],
  "What is your e-mail address?": [
    "John.",
    "John at.",
    "John dot smith at gmail.",
    "John dot smith at gmail dot.",
    "john@",
    "It's jo underscore."
  ],
  "How do you spell that?": ["S M.", "S.", "J O H."],
  "What is your date of birth?": ["March.", "March fifth.", "The fifth of March nineteen."],
  "What date suits you?": ["March.", "March the."]
}

const entries = (table: Table) =>
  Object.entries(table).flatMap(([agentSaid, said]) => said.map((transcript) => ({ agentSaid, transcript })))

describe("EndOfTurn", () => {
  it.each(entries(complete))(
    "complete: \"$agentSaid\" \"$transcript\"",
    ({ agentSaid, transcript }) => assert.isAtLeast(of(transcript, agentSaid), 0.6)
  )

  it.each(entries(incomplete))(
    "incomplete: \"$agentSaid\" \"$transcript\"",
    ({ agentSaid, transcript }) => assert.isAtMost(of(transcript, agentSaid), 0.45)
  )

  it("returns 0.5 for a transcript without words", () => {
    for (const nothing of ["", " ", "...", "?!"]) assert.strictEqual(of(nothing), 0.5)
  })

  it("is less certain of a short telephone number than of a long one", () => {
    const asked = "What's your phone number?"
    assert.isBelow(
      of("five five five one two three four", asked),
      of("five five five one two three four five six seven", asked)
    )
  })

  it("takes additional phrases", () => {
    const mine = EndOfTurn.make({
      fillers: ["Hang tight"],
      unfinished: ["my dear"],
      complete: ["Over and"],
      phoneDigits: [3]
    })
    const said = (transcript: string) => mine({ transcript, agentSaid: "What is your phone number?" })
    assert.isBelow(said("please hang tight."), 0.2)
    assert.isBelow(said("listen my dear"), 0.2)
    assert.isAbove(said("over and"), 0.8)
    assert.isAbove(said("one two three"), 0.8)
  })

  const Word = Schema.Literals([
    "i",
    "want",
    "to",
    "the",
    "and",
    "um",
    "twenty",
    "five",
    "one",
    "555",
    "john",
    "at",
    "gmail",
    "dot",
    "com",
    "j",
    "is",
    "it",
    "what",
    "yes",
    "that",
    "a",
    "m",
    "march",
    "don't",
    "john@x.com",
    "so",
    "you",
    "know",
    "first",
    "çé",
    "日"
  ])
  const Agent = Schema.Literals(["", ...Object.keys(complete), ...Object.keys(incomplete)])

  it.prop(
    "returns a probability that does not depend on case and the final full stop",
    [Schema.Array(Word).check(Schema.isMinLength(1), Schema.isMaxLength(30)), Agent],
    ([words, agentSaid]) => {
      const text = words.join(" ")
      const probability = of(text, agentSaid)
      assert.isTrue(probability >= 0 && probability <= 1)
      for (const other of [text.toUpperCase(), `${text}.`, `${text}?`, `  ${text}! `]) {
        assert.strictEqual(of(other, agentSaid), probability)
      }
      assert.isAtMost(of(`${text},`, agentSaid), Math.min(0.3, probability))
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "returns a probability for any text",
    [Schema.String, Schema.String],
    ([transcript, agentSaid]) => {
      const probability = of(transcript, agentSaid)
      assert.isTrue(probability >= 0 && probability <= 1)
    },
    { arbitrary: { runs: 300 } }
  )

  it("reads only the end of a long text", () => {
    for (const hostile of ["a@", "a.", "1-", "one ", "I ", "'", "\ud800", "dot "]) {
      const probability = of(hostile.repeat(200_000), hostile.repeat(200_000))
      assert.isTrue(probability >= 0 && probability <= 1)
    }
  })
})

describe("EndOfTurn in other languages", () => {
  const probability = (language: string, transcript: string) => endOfTurn({ transcript, agentSaid: "", language })

  it.each([
    ["de", ["Ich möchte einen Tisch für", "Ja, und", "Ich möchte", "ähm", "Am Montag, weil"]],
    ["de-AT", ["Moment mal"]],
    ["fr", ["Je voudrais", "Une table pour", "oui, mais", "euh", "parce que"]],
    ["es", ["Una mesa para", "sí, pero", "un momento", "quisiera"]],
    ["it", ["Un tavolo per", "sì, ma", "un attimo", "ho bisogno di"]],
    ["pt-BR", ["Uma mesa para", "sim, mas", "um momento", "preciso de"]],
    ["nl", ["Een tafel van", "ja, maar", "wacht even", "ik wil graag"]]
  ])("are unfinished, %s", (language, texts) => {
    for (const text of texts) assert.isBelow(probability(language, text), 0.3, text)
  })

  it.each([
    // words that an English turn does not end with
    ["de", ["Ich rufe an", "Kommst du mit?", "Was", "Danke sehr.", "Ja", "so was will ich"]],
    ["fr", ["Oui", "C'est pour moi", "à huit heures"]],
    ["es", ["No quiero más", "sí", "me las llevo"]],
    ["it", ["No, non può", "perché?", "va bene"]],
    ["pt", ["Não quero mais", "sim"]],
    ["nl", ["Wat is dat?", "ja hoor"]],
    ["ja", ["八時にお願いします", "and"]],
    ["constructor", ["something or other"]]
  ])("are finished, %s", (language, texts) => {
    for (const text of texts) assert.isAbove(probability(language, text), 0.7, text)
  })

  it("take the configured phrases in any language, and punctuation", () => {
    const configured = EndOfTurn.make({ unfinished: ["tabi ki"], complete: ["und"] })
    assert.isBelow(configured({ transcript: "evet tabi ki", agentSaid: "", language: "tr" }), 0.3)
    assert.isAbove(configured({ transcript: "ja und", agentSaid: "", language: "de" }), 0.7)
    assert.isBelow(probability("tr", "evet, ama …"), 0.5)
    assert.strictEqual(probability("en-GB", "I want to"), endOfTurn({ transcript: "I want to", agentSaid: "" }))
  })
})

describe("engine text", () => {
  it.effect("is built by name with its options", () =>
    Effect.gen(function*() {
      const definition = yield* Builtin.engines.turn["text"] ?? Effect.die("no engine text")
      const detector = yield* Effect.provide(
        TurnDetector,
        definition.layer({ unfinished: ["my dear"] }).pipe(Layer.orDie)
      )
      assert.strictEqual(detector.name, "text")
      assert.isBelow(yield* detector.endOfTurn({ transcript: "listen my dear", agentSaid: "" }), 0.2)
      assert.isAbove(yield* detector.endOfTurn({ transcript: "listen my friend", agentSaid: "" }), 0.8)
    }))

  it.effect("rejects invalid options", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Text.definition.validate({ phone_digits: [0], fillers: "um" }))
      assert.strictEqual(error._tag, "InvalidConfig")
      assert.include(JSON.stringify(error.details), "phone_digits")
      assert.include(JSON.stringify(error.details), "fillers")
    }))
})
