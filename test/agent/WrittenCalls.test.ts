import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as WrittenCalls from "../../src/agent/WrittenCalls.ts"
import * as ThoughtFilter from "../../src/text/thoughts/ThoughtFilter.ts"

const read = (text: string) => {
  const calls: Array<WrittenCalls.ReadCall> = []
  const thoughts = ThoughtFilter.make({ onCall: (call) => void calls.push(...WrittenCalls.read(call)) })
  thoughts.push(text)
  thoughts.flush()
  return calls
}

describe("WrittenCalls", () => {
  it("reads the notations of all models", () => {
    const one = [{ name: "weather", params: { city: "Paris" } }]
    const json = "{\"city\":\"Paris\"}"
    for (
      const text of [
        `<tool_call>\n{"name":"weather","arguments":${json}}\n</tool_call>`,
        `<tool_call>{"type":"function","function":{"name":"weather","parameters":${json}}}</tool_call>`,
        `<tool_call>{"name":"weather","arguments":${JSON.stringify(json)}}</tool_call>`,
        `<function=weather>${json}</function>`,
        "<tool_call>\n<function=weather>\n<parameter=city>\nParis\n</parameter>\n</function>\n</tool_call>",
        "<function_calls><invoke name=\"weather\"><parameter name=\"city\">Paris</parameter></invoke></function_calls>",
        "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n</tool_call>",
        `<|tool_call|>[{"name":"weather","arguments":${json}}]<|/tool_call|>`,
        `[TOOL_CALLS][{"name":"weather","arguments":${json}}]`,
        `[TOOL_CALLS]weather[CALL_ID]abc[ARGS]${json}`,
        "<|python_tag|>weather.call(city=\"Paris\")<|eom_id|>",
        `<|python_tag|>{"name":"weather","parameters":${json}}`,
        "```tool_code\nprint(default_api.weather(city='Paris'))\n```",
        `<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0<|tool_call_argument_begin|>${json}<|tool_call_end|><|tool_calls_section_end|>`,
        `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n\`\`\`json\n${json}\n\`\`\`<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
        `<|channel|>commentary to=functions.weather <|constrain|>json<|message|>${json}<|call|>`,
        `<tool_call>{{"name":"weather","arguments":${json}}}</tool_call>`,
        "<tool_call>\n{'name': 'weather', 'arguments': {'city': 'Paris'}}\n</tool_call>",
        `<tool_call>\n\`\`\`json\n{"name":"weather","arguments":${json}}\n\`\`\`\n</tool_call>`,
        `<function=weather${json}></function>`,
        `[TOOL_CALLS]weather${json}`,
        `<|tool_call_begin|>functions.weather:0<|tool_call_argument_begin|>${json}<|tool_call_end|>`,
        `<｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n\`\`\`json\n${json}\n\`\`\`<｜tool▁call▁end｜>`,
        "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"weather\">\n<｜DSML｜parameter name=\"city\" string=\"true\">Paris</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
        "<|python_start|>[weather(city=\"Paris\")]<|python_end|>",
        "<start_function_call>call:weather{city:<escape>Paris<escape>}<end_function_call>",
        "<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name=\"weather\"><steptml:parameter name=\"city\">Paris</steptml:parameter></steptml:invoke><｜tool_call_end｜><｜tool_calls_end｜>",
        `<|action_start|><|plugin|>{"name":"weather","parameters":${json}}<|action_end|>`
      ]
    ) assert.deepStrictEqual(read(text), one, text)
    assert.deepStrictEqual(read("<tool_call>[{\"name\":\"a\"},{\"name\":\"b\",\"arguments\":null}]</tool_call>"), [
      { name: "a", params: {} },
      { name: "b", params: {} }
    ])
    assert.deepStrictEqual(read("<|python_tag|>f(a=1, b=True, c='it\\'s', d=[1, 2], e=None)"), [
      { name: "f", params: { a: 1, b: true, c: "it's", d: [1, 2], e: null } }
    ])
    assert.deepStrictEqual(read("<tool_call>time\n</tool_call>"), [{ name: "time", params: {} }])
    assert.deepStrictEqual(read("<|python_tag|>{\"name\": \"a\"}; {\"name\": \"b\"}").map(({ name }) => name), [
      "a",
      "b"
    ])
    for (
      const text of ["<tool_call>", "<tool_call></tool_call>", "<tool_call>{\"name\": 1}</tool_call>", "[TOOL_CALLS]"]
    ) {
      assert.deepStrictEqual(read(text), [], text)
    }
  })

  it.prop("never throws", [Schema.String, Schema.String], ([body, tool]) => {
    assert.isArray(WrittenCalls.read({ mark: "tool_call", body }))
    assert.isArray(WrittenCalls.read({ mark: "tool_call", body, tool }))
  })
})
