/** Agents keep what they need: the layers of a backend and of the registry ask for it, and the compiler says what is missing. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Schema, Stream } from "effect"
import { type LanguageModel, Tool, Toolkit } from "effect/ai"
import { AgentRegistry } from "../../src/agent/AgentRegistry.ts"
import * as Agent from "../../src/agent/index.ts"
import { BackendProvider } from "../../src/backend/provider/ProviderContract.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import type { SpeechToSpeech } from "../../src/speech/SpeechToSpeech.ts"
import type { SpeechToText } from "../../src/speech/SpeechToText.ts"
import type { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import type { VoiceActivityDetector } from "../../src/speech/VoiceActivityDetector.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedLanguageModel from "../../src/testing/scripted/ScriptedLanguageModel.ts"
import * as ScriptedS2s from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { call, pass, provider, running } from "../session/Harness.ts"

class Diary extends Context.Service<Diary, { readonly free: Effect.Effect<string> }>()("test/Diary") {}
class Greeter extends Context.Service<Greeter, { readonly word: string }>()("test/Greeter") {}

const FreeSlots = Tool.make("free_slots", { description: "The free times", success: Schema.String })
/** Needs a service of its handler, beside those of the layer of handlers. */
const Note = Tool.make("note", { description: "Notes", success: Schema.String, dependencies: [Greeter] })
const toolkit = Toolkit.make(FreeSlots, Note)
const handlers = toolkit.toLayer(Effect.map(Diary, ({ free }) => ({
  free_slots: () => free,
  note: () => Greeter.use(({ word }) => Effect.succeed(word))
})))
type Handlers = Tool.HandlersFor<Toolkit.Tools<typeof toolkit>>

const desk = Agent.fromLanguageModel({ name: "desk", toolkit })
const greeter = Agent.fromCallback(() => Greeter.use(({ word }) => Effect.succeed(`${word}.`)), { name: "greeter" })
const plain = Agent.fromCallback(() => Effect.succeed("Plain."), { name: "plain" })

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
const holds = <_ extends true>(): void => undefined
type Needs<L> = L extends Layer.Layer<infer _Out, infer _E, infer In> ? In : never
type Parts = BackendProvider | SpeechToText | TextToSpeech | VoiceActivityDetector

/** The compiler checks these. */
const types = () => {
  const sttTts = () => VoiceBackend.layerSttTts({ agent: desk })
  holds<Equal<Needs<ReturnType<typeof sttTts>>, Parts | LanguageModel.LanguageModel | Handlers | Greeter>>()
  const without = () => VoiceBackend.layerSttTts()
  holds<Equal<Needs<ReturnType<typeof without>>, Parts>>()
  const withPlain = () => VoiceBackend.layerSttTts({ agent: plain, config: { latencyTarget: "1 second" } as never })
  holds<Equal<Needs<ReturnType<typeof withPlain>>, Parts>>()
  const s2s = () => VoiceBackend.layerS2s({ agent: greeter, agentInLoop: "tool" })
  holds<Equal<Needs<ReturnType<typeof s2s>>, BackendProvider | SpeechToSpeech | Greeter>>()
  const tooled = () => VoiceBackend.layerS2s({ agent: plain, toolkit })
  holds<Equal<Needs<ReturnType<typeof tooled>>, BackendProvider | SpeechToSpeech | Handlers | Greeter>>()
  const instructed = () =>
    Agent.fromLanguageModel({
      toolkit,
      instructions: ({ userId }) => Effect.map(Diary.use(({ free }) => free), (free) => `${userId}: ${free}`)
    })
  holds<
    Equal<Agent.Services<ReturnType<typeof instructed>>, LanguageModel.LanguageModel | Handlers | Greeter | Diary>
  >()
  const inline = () => AgentRegistry.layer({ plain: Agent.fromLanguageModel({ instructions: () => "Be short." }) })
  holds<Equal<Needs<ReturnType<typeof inline>>, LanguageModel.LanguageModel>>()
  const registry = () => AgentRegistry.layer({ desk, greeter, plain })
  holds<Equal<Needs<ReturnType<typeof registry>>, LanguageModel.LanguageModel | Handlers | Greeter>>()
  const empty = () => AgentRegistry.layer()
  holds<Equal<Needs<ReturnType<typeof empty>>, never>>()
  const record = (agents: { readonly [name: string]: Agent.Agent<Diary> }) => AgentRegistry.layer(agents)
  holds<Equal<Needs<ReturnType<typeof record>>, Diary>>()
  const fallback = () => Agent.fallback([desk, greeter, plain])
  holds<
    Equal<ReturnType<typeof fallback>, Agent.Agent<LanguageModel.LanguageModel | Handlers | Greeter>>
  >()
  const modelless = VoiceBackend.layerSttTts({ agent: desk }).pipe(Layer.provide([engines, tools]))
  holds<Equal<Layer.Services<typeof modelless>, LanguageModel.LanguageModel>>()
  const wordless = VoiceBackend.layerSttTts({ agent: desk }).pipe(
    Layer.provide([engines, handlers.pipe(Layer.provide(diary)), model([])])
  )
  holds<Equal<Layer.Services<typeof wordless>, Greeter>>()
}

const diary = Layer.succeed(Diary, { free: Effect.succeed("half past ten") })
const word = Layer.succeed(Greeter, { word: "Good day" })
const tools = Layer.merge(handlers.pipe(Layer.provide(diary)), word)
const model = ScriptedLanguageModel.layer
const engines = Layer.mergeAll(
  Layer.succeed(BackendProvider, provider()),
  Scripted.layerStt(["one", "two", "three"]),
  Scripted.layerTts(),
  Scripted.layerVad()
)

describe("An agent that needs services", () => {
  it.effect("is given to the layer as it is", () => {
    const requests: Array<ScriptedLanguageModel.Request> = []
    return running(
      VoiceBackend.layerSttTts({ agent: desk }).pipe(
        Layer.provide([
          engines,
          tools,
          model([[{ call: "free_slots" }, { call: "note" }], ["You can come at half past ten."]], requests)
        ])
      ),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(1_000)
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You can come at half past ten."])
        assert.include(JSON.stringify(requests[1]?.prompt.content), "half past ten")
        assert.include(JSON.stringify(requests[1]?.prompt.content), "Good day")
        types satisfies () => void
      })
    )
  })

  it.effect("is named, handed over to, and asked when another fails", () => {
    const Transfer = Tool.make("transfer", { description: "Hands over", success: Schema.String })
    const reception = Toolkit.make(Transfer)
    const transfer = reception.toLayer({
      transfer: () => Agent.handOver("greeter").pipe(Effect.as("handed over"), Effect.orDie)
    })
    const registry = AgentRegistry.layer({
      reception: Agent.fromLanguageModel({ name: "reception", toolkit: reception }),
      greeter,
      brave: Agent.fallback([Agent.fromStream(() => Stream.fail("no")), greeter])
    })
    const backend = VoiceBackend.layerSttTts({ config: { agent: "reception" } }).pipe(
      Layer.provide(registry),
      Layer.provide([engines, transfer, word, model([[{ call: "transfer" }]])])
    )
    return running(
      backend,
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("my bill")
        yield* pass("4 seconds")
        yield* user.session.sendText("and now")
        yield* pass("4 seconds")
        assert.deepStrictEqual(yield* user.said, [
          "user: my bill",
          "agent: Good day.",
          "user: and now",
          "agent: Good day."
        ])
        const other = yield* call({ config: { agent: "brave" } })
        yield* other.session.sendText("hello")
        yield* pass("4 seconds")
        assert.deepStrictEqual(yield* other.said, ["user: hello", "agent: Good day."])
      })
    )
  })

  it.effect("is asked by a speech-to-speech model", () => {
    const calls: Array<ScriptedS2s.S2sCall> = []
    return running(
      VoiceBackend.layerS2s({ agent: greeter, agentInLoop: "tool" }).pipe(Layer.provide([
        Layer.succeed(BackendProvider, provider()),
        ScriptedS2s.layerS2s([{ call: "ask_agent", input: { question: "Hello?" }, last: "I have asked." }], { calls }),
        word
      ])),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("hello")
        yield* pass("5 seconds")
        assert.include(JSON.stringify(calls.filter(({ _tag }) => _tag === "toolResult")), "Good day.")
      })
    )
  })
})
