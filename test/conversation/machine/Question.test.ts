import { assert, describe, it } from "@effect/vitest"
import { endsWithQuestion } from "../../../src/conversation/machine/Question.ts"

describe("Question", () => {
  it.each([
    "Shall I book it?",
    "It is at eight, right?",
    "Really?!",
    "Is it “The Ritz?”",
    "He asked: 'shall we?'.",
    "Shall I book it (the table?)",
    "Shall I book it? <break time=\"1s\"/>",
    "Shall I book it? [laughs]",
    "Shall I book it? 🙂",
    "我帮你订好吗？",
    "よろしいでしょうか。",
    "予約しますか",
    "هل أحجز الطاولة؟",
    "Να το κλείσω;",
    "Να το κλείσω\u037e",
    "¿Lo reservo?",
    "Is it at 8?"
  ])("%s", (text) => assert.isTrue(endsWithQuestion(text)))

  it.each([
    "",
    "?",
    " … ",
    "Shall I book it? If not, I can wait.",
    "I booked it.",
    "I booked it; thanks;",
    "I booked it",
    "<a href=\"?\">here</a>",
    "Tell me [why?].",
    "蚊。",
    "Είναι στις οκτώ."
  ])("not: %s", (text) => assert.isFalse(endsWithQuestion(text)))
})
