/** Agents, their tools and what they leave in the background know whose call it is. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Schema, Stream } from "effect"
import { LanguageModel, type Response, Tool, Toolkit } from "effect/ai"
import { CallContext } from "../../src/agent/CallContext.ts"
import * as Agent from "../../src/agent/index.ts"
import { AuthHook } from "../../src/hooks/AuthHook.ts"
import { Scenario } from "../../src/testing/index.ts"
import * as ScriptedLanguageModel from "../../src/testing/scripted/ScriptedLanguageModel.ts"
import { neverOverloaded } from "../server/support.ts"
import { agentInput } from "../support/AgentInput.ts"
import { fewer } from "../support/Full.ts"
import { call, layer, pass, provider, running } from "./Harness.ts"
import { TestConnection } from "./TestConnection.ts"

const Look = Tool.make("look", { description: "Looks", success: Schema.String })
const toolkit = Toolkit.make(Look)

/** What of a call does not depend on the test. */
const brief = ({ facts, history, metadata, provider, tenant, transport, turn, userId }: CallContext) => ({
  userId,
  tenant,
  metadata,
  turn,
  provider,
  transport,
  facts,
  heard: history.map(({ text }) => text)
})

const connected = (facts: Record<string, unknown>, transport = "webrtc") =>
  Object.assign(new TestConnection({ transport }), { facts })

describe("CallContext", () => {
  it.effect("is there in the handlers of tools, and shows what has changed since the turn began", () => {
    const seen: Array<CallContext> = []
    return Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const changed = yield* Deferred.make<void>()
      const handlers = toolkit.toLayer({
        look: () =>
          Effect.gen(function*() {
            seen.push(yield* CallContext)
            yield* Deferred.succeed(begun, undefined)
            yield* Deferred.await(changed)
            return JSON.stringify(brief(yield* CallContext))
          })
      })
      const requests: Array<ScriptedLanguageModel.Request> = []
      const model = ScriptedLanguageModel.layer([[{ call: "look" }], ["It is yours."]], requests)
      yield* running(
        layer({ agent: Agent.fromLanguageModel({ toolkit }), provider: provider({ name: "rooms" }) }).pipe(
          Layer.provide([
            handlers,
            model,
            Layer.succeed(AuthHook, {
              authenticate: () => Effect.succeed({ userId: "ada", authorized: true, tenant: "acme" }),
              authorize: () => Effect.succeed(true)
            })
          ])
        ),
        Effect.gen(function*() {
          const connection = connected({ room: "desk" })
          const user = yield* call({ connection, config: { token: "t", language: "en", metadata: { plan: "basic" } } })
          yield* user.speaks(1_000)
          yield* user.hears(1_000)
          yield* Deferred.await(begun)
          const [context] = seen
          assert.ok(context !== undefined)
          assert.deepStrictEqual(brief(context), {
            userId: "ada",
            tenant: "acme",
            metadata: { plan: "basic" },
            turn: 1,
            provider: "rooms",
            transport: "webrtc",
            facts: { room: "desk" },
            heard: []
          })
          assert.strictEqual(context.sessionId, user.session.id)
          assert.strictEqual(context.language, "en")
          yield* user.session.updateMetadata({ plan: "gold" })
          connection.facts = { room: "desk", floor: 2 }
          assert.deepStrictEqual(context.metadata, { plan: "gold" })
          assert.deepStrictEqual(context.facts, { room: "desk", floor: 2 })
          yield* Deferred.succeed(changed, undefined)
          yield* user.hears(2_000)
          assert.include(JSON.stringify(requests.at(-1)?.prompt.content), "gold")
        })
      )
    })
  })

  it.effect("is there in an agent made by hand, by a function or a stream, and follows the connection", () => {
    const seen: Array<ReturnType<typeof brief>> = []
    const look = Effect.map(CallContext, (context) => {
      seen.push(brief(context))
      return "Yes."
    })
    const agents = [
      Agent.fromCallback(() => look),
      Agent.fromStream(() => Stream.fromEffect(look)),
      { name: undefined, respond: () => Stream.fromEffect(look) },
      // what a wrapper changes of its input is not the call
      {
        name: undefined,
        respond: (input: Agent.AgentInput) =>
          Agent.fromCallback(() => look).respond({ ...input, metadata: { of: "wrapper" } })
      },
      Agent.fallback([Agent.fromCallback(() => Effect.fail("no")), Agent.fromCallback(() => look)])
    ]
    return running(
      layer({ agent: agents[0]! }),
      Effect.gen(function*() {
        const user = yield* call({ config: { transport: "websocket", metadata: { of: "session" } } })
        for (const [i, agent] of agents.entries()) {
          yield* user.session.setAgent(agent)
          yield* user.session.sendText(`question ${i + 1}`)
          yield* pass("3 seconds")
        }
        assert.strictEqual(seen.length, agents.length)
        for (const [i, each] of seen.entries()) {
          assert.deepStrictEqual(each, {
            userId: "u",
            tenant: undefined,
            metadata: { of: "session" },
            turn: i + 1,
            provider: "test",
            transport: "memory",
            facts: {},
            heard: Array.from({ length: i }, (_, turn) => [`question ${turn + 1}`, "Yes."]).flat()
          })
        }
        yield* user.session.attach(connected({ room: "desk" }))
        yield* user.session.sendText("from the room")
        yield* pass("3 seconds")
        assert.deepInclude(seen.at(-1), { transport: "webrtc", facts: { room: "desk" } })
      })
    )
  })

  it.effect("keeps the last connection's facts while there is none", () => {
    const seen: Array<CallContext> = []
    const agent = Agent.fromCallback(() => Effect.map(CallContext, (context) => (seen.push(context), "Yes.")))
    return running(
      layer({ agent }),
      Effect.gen(function*() {
        const connection = connected({ room: "desk" })
        const user = yield* call({ connection })
        yield* user.session.sendText("one")
        yield* pass("3 seconds")
        connection.listener?.closed("gone")
        assert.deepInclude(seen[0], { transport: "webrtc", facts: { room: "desk" } })
        const broken = new TestConnection({ transport: "memory" })
        Object.defineProperty(broken, "facts", {
          get: () => {
            throw new Error("no facts")
          }
        })
        yield* user.session.attach(broken)
        broken.listener?.closed("gone")
        yield* pass("1 second")
        assert.deepStrictEqual(seen[0]?.facts, {})
        yield* user.reattach()
        yield* user.session.sendText("two")
        yield* pass("3 seconds")
        assert.strictEqual(seen.length, 2)
      })
    )
  })

  it.effect("stays with a tool that outlives its answer, and with work in the background", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const interrupted = yield* Deferred.make<void>()
      const note = (what: string) => Effect.map(CallContext, ({ turn }) => void seen.push(`${what} ${turn}`))
      const handlers = toolkit.toLayer({
        look: () => Deferred.await(interrupted).pipe(Effect.andThen(note("tool")), Effect.as("done"))
      })
      const model = ScriptedLanguageModel.layer([["One moment, please. ", { call: "look" }], ["Here I am."]])
      yield* running(
        layer({ agent: Agent.fromLanguageModel({ toolkit }) }).pipe(Layer.provide([handlers, model])),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.sendText("look")
          yield* pass("500 millis")
          yield* user.session.sendText("and now")
          yield* pass("1 second")
          assert.deepStrictEqual(seen, [])
          yield* Deferred.succeed(interrupted, undefined)
          yield* pass("1 second")
          assert.deepStrictEqual(seen, ["tool 1"])
          yield* user.session.setAgent(
            Agent.fromCallback((_, { session }) =>
              Effect.as(
                session?.background(Effect.andThen(Effect.sleep("1 second"), note("background"))) ?? Effect.void,
                "It is on its way."
              )
            )
          )
          yield* user.session.sendText("send it")
          yield* pass("5 seconds")
          assert.deepStrictEqual(seen, ["tool 1", "background 3"])
        })
      )
    }))

  it.effect("is the input of an agent that is asked outside of a session, and a defect where there is no call", () =>
    Effect.gen(function*() {
      const look = Effect.map(CallContext, ({ userId }) => userId)
      const input = { ...agentInput, userId: "ada" }
      assert.strictEqual(yield* Stream.mkString(Agent.fromCallback(() => look).respond(input)), "ada")
      const handlers = toolkit.toLayer({ look: () => look })
      const requests: Array<ScriptedLanguageModel.Request> = []
      const model = ScriptedLanguageModel.layer([[{ call: "look" }], ["Yes."]], requests)
      yield* Stream.runDrain(Agent.fromLanguageModel({ toolkit }).respond(input)).pipe(
        Effect.provide([handlers, model])
      )
      assert.include(JSON.stringify(requests.at(-1)?.prompt.content), "ada")
      const cause = yield* Effect.sandbox(look).pipe(Effect.flip)
      assert.match(String(cause.reasons[0]?._tag === "Die" && cause.reasons[0].defect), /there is no call here/u)
    }))

  it.effect("is that of its own call in each of many sessions at once, also in parallel tools", () => {
    const seen = new Map<string, Array<string>>()
    const note = (what: string) =>
      Effect.map(CallContext, ({ history, metadata, sessionId, turn, userId }) => {
        const of = `${userId} ${String(metadata["n"])} ${turn} ${history[0]?.text ?? "-"}`
        seen.set(sessionId, [...seen.get(sessionId) ?? [], `${what} ${of}`])
      })
    const handlers = toolkit.toLayer({
      look: () =>
        Effect.andThen(Effect.andThen(Effect.yieldNow, Effect.sleep("100 millis")), Effect.as(note("tool"), "seen"))
    })
    const model = ScriptedLanguageModel.layer(({ prompt }) =>
      prompt.content.at(-1)?.role === "tool"
        ? ["Yes."]
        : [{ call: "look", id: "a" }, { call: "look", id: "b", params: {} }]
    )
    const agent = Agent.fromLanguageModel({ toolkit, instructions: () => Effect.as(note("instructions"), "Be brief.") })
    return running(
      layer({ agent, config: { maxConcurrentSessions: 300, overload: neverOverloaded } }).pipe(
        Layer.provide([handlers, model])
      ),
      Effect.gen(function*() {
        const users = yield* Effect.forEach(
          Array.from({ length: fewer(200) }, (_, n) => n),
          (n) => call({ config: { userId: `user-${n}`, metadata: { n } } }),
          { concurrency: "unbounded" }
        )
        for (const turn of [1, 2]) {
          yield* Effect.forEach(users, ({ session }, n) => session.sendText(`${n} asks ${turn}`), { discard: true })
          yield* pass("3 seconds")
        }
        for (const [n, { session }] of users.entries()) {
          const turns = [`user-${n} ${n} 1 -`, `user-${n} ${n} 2 ${n} asks 1`]
          assert.deepStrictEqual(
            [...new Set(seen.get(session.id))],
            turns.flatMap((of) => [`instructions ${of}`, `tool ${of}`])
          )
        }
      })
    )
  })

  it.effect("has the facts that a scenario gives its user", () =>
    Effect.gen(function*() {
      const recording = yield* Scenario.run({
        agent: Agent.fromCallback(() =>
          Effect.map(CallContext, ({ facts }) => `You call from ${String(facts["from"])}.`)
        ),
        facts: { from: "Ulm" },
        user: [
          Scenario.say("hello"),
          Scenario.waitForAgent,
          Scenario.loseNetwork("2 seconds"),
          Scenario.say("again"),
          Scenario.waitForAgent
        ]
      })
      assert.deepStrictEqual(recording.heardByUser, ["You call from Ulm.", "You call from Ulm."])
    }))

  it.effect("is there in a language model of the application's own, such as one by tenant", () => {
    const model = Layer.effect(
      LanguageModel.LanguageModel,
      LanguageModel.make({
        generateText: () => Effect.succeed([]),
        streamText: () =>
          Stream.unwrap(
            Effect.map(CallContext, ({ userId }) =>
              Stream.make<[Response.StreamPartEncoded, Response.StreamPartEncoded]>(
                { type: "text-start", id: "t" },
                { type: "text-delta", id: "t", delta: `I answer ${userId}.` }
              ))
          )
      })
    )
    return running(
      layer({ agent: Agent.fromLanguageModel() }).pipe(Layer.provide(model)),
      Effect.gen(function*() {
        const user = yield* call({ config: { userId: "ada" } })
        yield* user.session.sendText("hello")
        yield* pass("3 seconds")
        assert.deepStrictEqual((yield* user.said).slice(-1), ["agent: I answer ada."])
      })
    )
  })
})
