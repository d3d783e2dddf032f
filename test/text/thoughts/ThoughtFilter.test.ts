import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as SpokenText from "../../../src/text/SpokenText.ts"
import * as ThoughtFilter from "../../../src/text/thoughts/ThoughtFilter.ts"
import type { WrittenCall } from "../../../src/text/thoughts/WrittenCall.ts"

const filter = (text: string, size = text.length + 1, options: ThoughtFilter.ThoughtOptions = {}): string => {
  const thoughts = ThoughtFilter.make(options)
  let out = ""
  for (let at = 0; at < text.length; at += size) out += thoughts.push(text.slice(at, at + size))
  return out + thoughts.flush()
}

const THOUGHTS: ReadonlyArray<readonly [written: string, said: string]> = [
  ["<think>\nThe user quotes a novel.\n</think>\n\nIndeed he was not.", "Indeed he was not."],
  ["<think></think>\n\nHi", "Hi"],
  ["<think/>Hi", "Hi"],
  ["<inner_thoughts>hm</inner_thoughts>Hi", "Hi"],
  ["<longcat_think>hm</longcat_think>Hi", "Hi"],
  ["<chain-of-thought>hm</chain-of-thought>Hi", "Hi"],
  ["<THINK duration='3 s'>a</ Think >b", "b"],
  ["Sure. <thinking>hm</thinking> Here.", "Sure. Here."],
  ["Sure.<thought>hm</thought>Here.", "Sure. Here."],
  ["Sure<reasoning>hm</reasoning>, here.", "Sure, here."],
  ["<reflection>a</reflection>b<scratchpad>c</scratchpad>d", "b d"],
  ["<think>a</thinking>b", "b"],
  ["<seed:think>a</seed:think>b", "b"],
  ["<think>\n<think>\na</think>b</think>c", "c"],
  // a tag that is only mentioned within the thought
  ["<think>I should use <think> tags and `</think>`.</think>Hello", "Hello"],
  ["<think>\n<think>\na</think> the answer", "the answer"],
  ["<think>hm [x] `y` ```z``` <b>\n- 1 < 2</think>Hello", "Hello"],
  ["<think>never ended. Hello?", ""],
  ["Hello. <think>never ended", "Hello. "],
  ["**<think>**\nhm\n**</think>**\nHi", "****\nHi"],
  ["[THINK]a[/THINK]b", "b"],
  ["[think]a[/think] b", "b"],
  ["◁think▷a◁/think▷b", "b"],
  ["<|begin_of_thought|>a<|end_of_thought|><|begin_of_solution|>b<|end_of_solution|>", "b"],
  ["<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>Hi<|END_RESPONSE|>", "Hi"],
  ["<|channel>thought\nhm<channel|>Hi", "Hi"],
  ["<unused94>thought\nhm<unused95>Hi", "Hi"],
  ["<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Hello.<|return|>", "Hello."],
  ["<|start|>assistant<|channel|>analysis<|message|>hm <think> x<|end|>", ""],
  [
    "<|channel|>commentary<|message|>Let me look.<|end|><|start|>assistant<|channel|>analysis<|message|>x",
    "Let me look."
  ],
  ["<|channel|>commentary<|message|>{\"path\":\"/\"}<|end|>", ""],
  ["<|im_start|>assistant\nHello<|im_end|>", "Hello"],
  ["Hello<|im_end|>\n<|im_start|>user\nAnd then?<|im_end|>", "Hello\n"],
  ["<|header_start|>assistant<|header_end|>\n\nHi<|eot|>", "Hi"],
  ["<|start_header_id|>assistant<|end_header_id|>\n\nHi<|eot_id|>", "Hi"],
  ["Hello <thin", "Hello "]
]

const CALLS: ReadonlyArray<readonly [written: string, said: string, calls: number]> = [
  [
    "Let me look. <tool_call>\n{\"name\":\"w\",\"arguments\":{\"x\":\"</tool_call>\"}}\n</tool_call>",
    "Let me look. ",
    1
  ],
  ["Hi <tool_call>{\"a\":1} there", "Hi there", 1],
  ["<tool_call>{\"a\":1}</tool_call>\n<tool_call>{\"a\":2}</tool_call>", "", 2],
  ["<tool_call>\n<function=w>\n<parameter=city>\nParis\n</parameter>\n</function>\n</tool_call>ok", "ok", 1],
  ["<function=w>{\"a\":1}</function>done", "done", 1],
  ["<function_calls><invoke name=\"w\"><parameter name=\"c\">P</parameter></invoke></function_calls>ok", "ok", 1],
  ["<|tool_call|>[{\"name\":\"w\"}] ok", "ok", 1],
  ["[TOOL_CALLS][{\"name\":\"w\"}] ok", "ok", 1],
  ["[TOOL_CALLS]{\"a\":1}{\"a\":2}{\"a\":3} ok", "ok", 3],
  ["<tool_call>{\"a\":1} {\"a\":2}{\"a\":3}{\"a\":4}", "", 4],
  ["<think>hm\n<tool_call>{\"a\":1}</tool_call>", "", 1],
  ["<think>hm\n<tool_call>{\"a\":1}</tool_call> and so on", "", 1],
  ["<think>hm\n<tool_call>{\"a\":1}</tool_call></think>Hi", "Hi", 0],
  ["<|python_tag|>{\"name\":\"w\"}; {\"name\":\"v\"}<|eom_id|>", "", 2],
  ["<function=w{\"a\":1}></function>ok", "ok", 1],
  ["<|tool_call_begin|>functions.w:0<|tool_call_argument_begin|>{}<|tool_call_end|>ok", "ok", 1],
  ["<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"w\">\n</｜DSML｜invoke>\n</｜DSML｜function_calls>ok", "ok", 1],
  ["[TOOL_CALLS]w{\"a\":1} ok", "ok", 1],
  ["[TOOL_CALLS]w[CALL_ID]abc[ARGS]{\"a\":1}[TOOL_CALLS]v[ARGS]{}", "", 2],
  ["<|python_tag|>w.call(x=\"1\")<|eom_id|>", "", 1],
  ["```tool_code\nprint(w())\n```\nHello", "Hello", 1],
  ["<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>w<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>Hi", "Hi", 1],
  ["<|start|>assistant<|channel|>commentary to=functions.w <|constrain|>json<|message|>{\"a\":1}<|call|>", "", 1],
  ["<tool_response>{\"sky\":\"clear\"}</tool_response>It is clear.", "It is clear.", 1]
]

const UNCHANGED: ReadonlyArray<string> = [
  "The `<think>` tag opens and `</think>` ends a thought.",
  "It writes \"<think>\" and “</think>”.",
  "```xml\n<think>\nhm\n</think>\n```\nThat is all.",
  "The <think> tag opens a thought, and the </think> tag (</think>) ends it: **<think>**.",
  "It writes <think>, thinks, and writes </think>. Do you mean <tool_call>?",
  "Use `<tool_call>` there, or ``a ` <think> b``.",
  "a < b and x<y, List<String>, I <3 you, <b>bold</b>, Dear <function>",
  "Array[0] and [link](x) [1], [THI and <th",
  "He thinks of thinking; the tool call is done.\n- one\n- two"
]

describe("ThoughtFilter", () => {
  it("leaves out thoughts in the forms of all models, in pieces of any size", () => {
    for (const [written, said] of THOUGHTS) {
      for (const size of [written.length, 1, 2, 3, 7]) {
        assert.strictEqual(filter(written, size), said, `${size}: ${written}`)
      }
    }
  })

  it("leaves out tool calls that are written as text, and gives each to whoever runs it", () => {
    for (const [written, said, count] of CALLS) {
      for (const size of [written.length, 1, 2, 3, 7]) {
        const calls: Array<WrittenCall> = []
        assert.strictEqual(
          filter(written, size, { onCall: (call) => void calls.push(call) }),
          said,
          `${size}: ${written}`
        )
        assert.strictEqual(calls.length, count, `${size}: ${written}`)
      }
    }
  })

  it("leaves other text as it is, also where somebody explains the tags", () => {
    for (const text of UNCHANGED) {
      for (const size of [text.length, 1, 2, 3, 7]) assert.strictEqual(filter(text, size), text)
    }
  })

  it("takes all before a closing tag alone for a thought, as far as it was not given out", () => {
    assert.strictEqual(filter("The user greets me.\n</think>\n\nHello."), "Hello.")
    assert.strictEqual(filter("hm [BEGIN FINAL RESPONSE]Hi[END FINAL RESPONSE]"), "Hi")
    let retracted = 0
    const thoughts = ThoughtFilter.make({ onRetract: () => void retracted++ })
    assert.strictEqual(thoughts.push("The user greets me.\n"), "The user greets me.\n")
    assert.strictEqual(thoughts.push("Well </think>\n\nHello."), "Hello.")
    assert.strictEqual(retracted, 1)
    // known before: nothing of it is given out
    for (const begins of ["thought", "either"] as const) {
      for (const size of [1, 5, 100]) {
        assert.strictEqual(filter("The user greets me.\n</think>\n\nHello.", size, { begins }), "Hello.")
        assert.strictEqual(filter("<think>\nhm</think>Hello.", size, { begins }), "Hello.")
      }
    }
    assert.strictEqual(filter("Hello there.", 3, { begins: "either" }), "Hello there.")
    assert.strictEqual(filter("Hello there.", 3, { begins: "thought" }), "")
    assert.strictEqual(filter("x".repeat(20_000), 100, { begins: "either" }), "")
  })

  const Piece = Schema.Literals([
    "<think>",
    "</think>",
    "<",
    "think",
    "`",
    "```",
    "\n",
    "[TOOL_CALLS]",
    "{\"a\":[1]}",
    "<tool_call>",
    "</tool_call>",
    "◁think▷",
    "◁/think▷",
    "<|channel|>",
    "analysis",
    "final",
    "<|message|>",
    "<|end|>",
    "<|",
    "\"",
    " ",
    "word",
    ".",
    "[/THINK]",
    "<function=f>",
    "tool_code"
  ])
  it.prop("gives the same text and the same calls for any division of it", [
    Schema.Array(Piece).check(Schema.isMaxLength(24)),
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })),
    Schema.Literals(["thought", "either", "text"])
  ], ([pieces, size, begins]) => {
    // after a closing mark alone it depends on what was given out already
    let retracted = false
    const read = (size: number) => {
      const calls: Array<WrittenCall> = []
      const onCall = (call: WrittenCall) => void calls.push(call)
      const onRetract = () => {
        retracted = true
      }
      const text = pieces.join("")
      return { text: filter(text, size, { begins, onCall, onRetract }), calls }
    }
    const whole = read(10_000)
    if (!retracted) assert.deepStrictEqual(read(size), whole, pieces.join(""))
  }, { arbitrary: { runs: 1_000 } })

  it.prop("never throws, and leaves plain words alone", [Schema.Array(Schema.String)], ([pieces]) => {
    const thoughts = ThoughtFilter.make()
    const out = pieces.map((piece) => thoughts.push(piece)).join("") + thoughts.flush()
    const text = pieces.join("")
    if (!/[<[◁`]/u.test(text)) assert.strictEqual(out, text)
  })

  it("keeps nothing of a long thought, and reads hostile text once", () => {
    const thoughts = ThoughtFilter.make()
    let out = thoughts.push("<think>")
    for (let i = 0; i < 20_000; i++) out += thoughts.push("a long thought, with some <b>marks</b> in it. ")
    out += thoughts.push("</think>Hello.") + thoughts.flush()
    assert.strictEqual(out, "Hello.")
    for (
      const hostile of ["<", "<think ", "`", "[", "<|", "<tool_call>", "{", "<|channel|>", "◁", "<think>\n", "</think>"]
    ) {
      const text = hostile.repeat(100_000 / hostile.length)
      assert.isAtMost(filter(text, 1_000).length, text.length)
    }
    let calls = 0
    filter(`<tool_call>${"x".repeat(100_000)}</tool_call>`, 1_000, { onCall: () => void calls++ })
    assert.strictEqual(calls, 0)
  })

  it("is part of what makes an agent's text speakable", () => {
    const spoken = (text: string) => SpokenText.transform(SpokenText.spoken(), text)
    assert.strictEqual(spoken("<think>\nThe user quotes.\n</think>\n\nIndeed."), "Indeed.")
    assert.strictEqual(spoken("[THINK]a[/THINK]Hello."), "Hello.")
    assert.strictEqual(
      SpokenText.transform(SpokenText.spoken({ off: true }), "<think>a</think>b"),
      "<think>a</think>b"
    )
  })
})
