/**
 * Several agents as one: no text is repeated or lost.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { FallbackOptions } from "../../src/agent/AgentFallback.ts"
import * as Agent from "../../src/agent/index.ts"
import { AgentError, type BackendError, ConnectionFailed, Timeout } from "../../src/BackendError.ts"
import type { EngineIncident } from "../../src/EngineIncident.ts"
import { agentInput } from "../support/AgentInput.ts"

const down = new ConnectionFailed({ op: "test", message: "down" })

type Step = string | BackendError | "hang" | "die"
const agent = (name: string, ...steps: ReadonlyArray<Step>) => {
  const counts = { asked: 0, running: 0 }
  const value: Agent.Agent = {
    name,
    respond: () =>
      Stream.unwrap(Effect.gen(function*() {
        counts.asked++
        yield* Effect.acquireRelease(
          Effect.sync(() => void counts.running++),
          () => Effect.sync(() => void counts.running--)
        )
        return Stream.fromIterable(steps).pipe(
          Stream.flatMap((step): Stream.Stream<string, BackendError> =>
            typeof step !== "string"
              ? Stream.fail(step)
              : step === "hang"
              ? Stream.never
              : step === "die"
              ? Stream.die(new Error("bug"))
              : Stream.succeed(step)
          )
        )
      }))
  }
  return { value, counts }
}

const run = Effect.fnUntraced(function*(
  agents: readonly [ReturnType<typeof agent>, ...Array<ReturnType<typeof agent>>],
  options: FallbackOptions = {}
) {
  const incidents: Array<EngineIncident> = []
  const [first, ...rest] = agents
  const whole = Agent.fallback([first.value, ...rest.map(({ value }) => value)], {
    onIncident: (incident) => void incidents.push(incident),
    ...options
  })
  const said: Array<string> = []
  const fiber = yield* whole.respond(agentInput).pipe(
    // an empty text only shows that an agent works
    Stream.filter((piece) => piece !== ""),
    Stream.runForEach((piece) => Effect.sync(() => void said.push(piece))),
    Effect.exit,
    Effect.forkChild
  )
  yield* TestClock.adjust("1 minute")
  return {
    fiber,
    said,
    whole,
    lines: incidents.map(({ engine, to, what }) => `${engine} ${what}${to === undefined ? "" : ` ${to}`}`)
  }
})

describe("AgentFallback", () => {
  it.effect("lets the first agent answer", () =>
    Effect.gen(function*() {
      const [a, b] = [agent("a", "Hi ", "there."), agent("b", "no")]
      const { fiber, lines, said, whole } = yield* run([a, b])
      assert.deepStrictEqual(yield* Fiber.join(fiber), Exit.void)
      assert.deepStrictEqual(said, ["Hi ", "there."])
      assert.deepStrictEqual(lines, [])
      assert.strictEqual(b.counts.asked, 0)
      assert.strictEqual(whole.name, "a")
    }))

  const before: ReadonlyArray<readonly [string, ReadonlyArray<Step>]> = [
    ["fails", [down]],
    ["fails after white space", [" ", "\n", down]],
    ["dies", ["die"]],
    ["ends without a word", [" "]],
    ["gives nothing", []],
    ["hangs", [" ", "hang"]]
  ]
  for (const [what, steps] of before) {
    it.effect(`asks the next when one ${what}`, () =>
      Effect.gen(function*() {
        const [a, b] = [agent("a", ...steps), agent("b", "Hello.")]
        const { fiber, lines, said } = yield* run([a, b], { timeout: "5 seconds" })
        assert.deepStrictEqual(yield* Fiber.join(fiber), Exit.void)
        assert.deepStrictEqual(said, ["Hello."])
        assert.deepStrictEqual(lines, ["a failed", "a switched b"])
        assert.strictEqual(a.counts.running, 0)
      }))
  }

  it.effect("passes on a failure after the first word", () =>
    Effect.gen(function*() {
      const [a, b] = [agent("a", "Well", down), agent("b", "Hello.")]
      const { fiber, lines, said } = yield* run([a, b])
      assert.deepStrictEqual(yield* Fiber.join(fiber), Exit.fail(down))
      assert.deepStrictEqual(said, ["Well"])
      assert.deepStrictEqual(lines, ["a failed"])
      assert.strictEqual(b.counts.asked, 0)
    }))

  it.effect("has no timeout after the first word", () =>
    Effect.gen(function*() {
      const [a, b] = [agent("a", "Well", "hang"), agent("b", "Hello.")]
      const { fiber, said } = yield* run([a, b], { timeout: "5 seconds" })
      assert.isUndefined(fiber.pollUnsafe())
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(said, ["Well"])
      assert.deepStrictEqual([a.counts.running, b.counts.asked], [0, 0])
    }))

  it.effect("ends as the last agent ends", () =>
    Effect.gen(function*() {
      const failing = yield* run([agent("a", "die"), agent("b", "die")])
      const exit = yield* Fiber.join(failing.fiber)
      assert.isTrue(
        Exit.isFailure(exit) && exit.cause.reasons.some((r) => r._tag === "Fail" && r.error instanceof AgentError)
      )
      const silent = yield* run([agent("a", down), agent("b")])
      assert.deepStrictEqual(yield* Fiber.join(silent.fiber), Exit.void)
      const hanging = yield* run([agent("a", "hang"), agent("b", "hang")], { timeout: "1 second" })
      const late = yield* Fiber.join(hanging.fiber)
      assert.isTrue(
        Exit.isFailure(late) && late.cause.reasons.some((r) => r._tag === "Fail" && r.error instanceof Timeout)
      )
    }))

  it.effect("can be interrupted at any time, and then asks no other agent", () =>
    Effect.gen(function*() {
      const [a, b] = [agent("a", "hang"), agent("b", "Hello.")]
      const { fiber, lines } = yield* run([a, b])
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(a.counts.running, 0)
      assert.strictEqual(b.counts.asked, 0)
      assert.deepStrictEqual(lines, [])
    }))

  it.effect("passes on that an agent works before its first word, and counts its time all the same", () =>
    Effect.gen(function*() {
      const working = Stream.forever(Stream.fromEffect(Effect.as(Effect.sleep("1 second"), "")))
      const agents = [
        { name: "a", respond: () => working },
        { name: "b", respond: () => Stream.concat(Stream.take(working, 2), Stream.succeed("Hello.")) }
      ] as const
      const pieces: Array<string> = []
      const fiber = yield* Agent.fallback(agents, { timeout: "3500 millis" }).respond(agentInput).pipe(
        Stream.runForEach((piece) => Effect.sync(() => void pieces.push(piece))),
        Effect.forkChild
      )
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(pieces, ["", "", ""])
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(pieces, ["", "", "", "", "", "Hello."])
      yield* Fiber.join(fiber)
    }))

  const words = Schema.Array(Schema.Literals(["a", " ", "b", "", "fail", "die", "hang"])).check(Schema.isMaxLength(4))
  it.effect.prop(
    "says what one agent says, from its beginning",
    [words, words, words],
    (scripts) =>
      Effect.gen(function*() {
        const agents = scripts.map((script, index) =>
          agent(`${index}`, ...script.map((step) => step === "fail" ? down : step))
        )
        const [a, b, c] = agents
        const { fiber, said } = yield* run([a!, b!, c!], { timeout: "5 seconds" })
        const expected = scripts.map((script) => {
          const end = script.findIndex((step) => step === "fail" || step === "die" || step === "hang")
          const text = script.slice(0, end < 0 ? undefined : end).join("")
          return { text, end: end < 0 ? undefined : script[end] }
        })
        const answering = expected.find(({ text }) => text.trim() !== "")
        assert.strictEqual(said.join("").trim(), answering?.text.trim() ?? "")
        if (answering?.end === "hang") assert.isUndefined(fiber.pollUnsafe())
        else if (answering !== undefined) {
          assert.strictEqual(Exit.isSuccess(yield* Fiber.join(fiber)), answering.end === undefined)
        }
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(agents.map(({ counts }) => counts.running), [0, 0, 0])
      }),
    { arbitrary: { runs: 200 } }
  )

  it.effect("takes no thought for a word, and passes on what follows one", () =>
    Effect.gen(function*() {
      const broken = Agent.fromStream(() =>
        Stream.concat(Stream.make("<thi", "nk>Well, let me see. "), Stream.fail(new Error("gone")))
      )
      const other = Agent.fromStream(() => Stream.make("<think>", "hm</think>", "[sic] Hello."))
      const agent = Agent.fallback([broken, other])
      assert.strictEqual(yield* Stream.mkString(agent.respond(agentInput)), "[sic] Hello.")
    }))
})
