/** Whole sessions against a chat server that distorts its streams, and models that think, by chance. */
import { assert } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Schema, Stream } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { HttpClient, HttpClientResponse } from "effect/http"
import * as Agent from "../../src/agent/index.ts"
import * as OpenAiCompatible from "../../src/engines/openai-compatible/index.ts"
import { Invariants, Scenario } from "../../src/testing/index.ts"
import * as DistortedChat from "../support/DistortedChat.ts"

const Weather = Tool.make("weather", {
  description: "The weather in a city now",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})
const Time = Tool.make("time", { description: "The time now", success: Schema.String })
const toolkit = Toolkit.make(Weather, Time)

const SECRET = "hunter"
const thoughts: ReadonlyArray<string> = [
  "",
  "",
  `<think>\nThe password is ${SECRET}.\n</think>\n\n`,
  `<THINKING>${SECRET}. Well.</thinking>`,
  `[THINK]${SECRET}[/THINK]`,
  `◁think▷${SECRET}◁/think▷`,
  `<|channel|>analysis<|message|>${SECRET}<|end|><|start|>assistant<|channel|>final<|message|>`,
  `<|begin_of_thought|>${SECRET}<|end_of_thought|>`,
  `<think>\n<think>\n${SECRET}</think> and ${SECRET}</think>`
]

/** Numbers that depend on a seed alone. */
const chance = (seed: number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6D2B79F5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296
  }
}

const TURNS = 3
const CITIES = ["Paris", "Rome", "Oslo"]

const session = Effect.fnUntraced(function*(seed: number) {
  const next = chance(seed)
  const upTo = (count: number) => Math.floor(next() * count)
  const cut = (text: string): ReadonlyArray<string> => {
    const size = 1 + upTo(12)
    return Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size))
  }
  const answer = (said: string, calls: DistortedChat.ChatReply["calls"] = []) => {
    const texts = cut(`${thoughts[upTo(thoughts.length)]}${said}`)
    return DistortedChat.body({ texts, calls }, DistortedChat.random(next))
  }
  const bodies: Array<string> = []
  const heard: Array<string> = []
  const expected: Array<string> = []
  for (let turn = 0; turn < TURNS; turn++) {
    const cities = CITIES.filter(() => next() < 0.3)
    const calls = [
      ...cities.map((city) => ({ name: "weather", params: { city } })),
      ...(next() < 0.3 ? [{ name: "time", params: {} }] : [])
    ]
    const first = calls.length > 0 && next() < 0.5 ? "Let me look." : ""
    const last = `Here is the answer to question ${["one", "two", "three"][turn]}.`
    if (calls.length > 0) bodies.push(answer(first, calls))
    bodies.push(answer(last))
    expected.push(...calls.map(({ name, params }) => `${name} ${JSON.stringify(params)}`))
    heard.push(first === "" ? last : `${first} ${last}`)
  }
  const asked: Array<string> = []
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      if (request.body._tag === "Uint8Array") asked.push(new TextDecoder().decode(request.body.body))
      const bytes = new TextEncoder().encode(bodies[asked.length - 1] ?? "")
      const size = 1 + upTo(200)
      const pieces = Array.from(
        { length: Math.ceil(bytes.length / size) },
        (_, i) => bytes.slice(i * size, (i + 1) * size)
      )
      // the whole body comes well within the agent's timeout: some forms can only be read when they are complete
      const gap = Math.min(next() < 0.3 ? upTo(8) : 0, Math.floor(10_000 / pieces.length))
      const stream = Stream.fromIterable(pieces).pipe(
        Stream.rechunk(1),
        Stream.tap(() => gap === 0 ? Effect.void : Effect.sleep(gap))
      )
      const type = ["text/event-stream", "application/json", "text/plain", ""][upTo(4)] ?? ""
      const response = HttpClientResponse.fromWeb(request, new Response(null, { headers: { "content-type": type } }))
      // in virtual time: a body of the platform would be read in real time
      return Object.defineProperty(Object.create(response), "stream", { value: stream }) as typeof response
    })
  )
  const runs: Array<string> = []
  const call = yield* Scenario.run({
    agent: Agent.fromLanguageModel({ toolkit }),
    user: Array.from({ length: TURNS }, () => [Scenario.say("a question"), Scenario.waitForAgentWithin("1 minute")])
      .flat()
  }).pipe(
    Effect.provide([
      OpenAiCompatible.layerClient({ url: "http://chat.example/v1", model: "m" }).pipe(
        Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
      ),
      toolkit.toLayer({
        weather: (params) => Effect.sync(() => (runs.push(`weather ${JSON.stringify(params)}`), "clear")),
        time: () => Effect.sync(() => (runs.push("time {}"), "noon"))
      })
    ])
  )
  assert.strictEqual(Invariants.report(call), "")
  assert.deepStrictEqual(call.heardByUser, heard)
  assert.deepStrictEqual(runs, expected)
  assert.notInclude(JSON.stringify(call.events), SECRET)
  for (const body of asked) assert.notInclude(body, SECRET)
})

/** Runs sessions; fails at the first one that is not as expected, with its seed. */
export const sessions = Effect.fnUntraced(function*(from: number, count: number) {
  for (let seed = from; seed < from + count; seed++) {
    const exit = yield* Effect.exit(session(seed))
    if (Exit.isFailure(exit)) return assert.fail(`the session with seed ${seed} failed: ${Cause.pretty(exit.cause)}`)
  }
})
