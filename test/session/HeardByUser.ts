import { assert } from "@effect/vitest"
import { Clock, Duration, Effect, Layer, Queue, Random, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import * as BackendProvider from "../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { PipelineError } from "../../src/BackendError.ts"
import { SpeechToSpeech, type SpeechToSpeechEvent } from "../../src/speech/SpeechToSpeech.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import { call, pass, provider, running } from "./Harness.ts"
import { TestConnection } from "./TestConnection.ts"

const RATE = 24_000
const PER_MS = RATE / 1_000

/** A far end that plays what it gets, in real time, and drops what it has not played when it is told to. */
class FarEnd extends TestConnection {
  readonly #now: () => number
  readonly #played: Array<Int16Array> = []
  #waiting: Array<{ readonly frame: Int16Array; readonly fromMs: number }> = []
  #untilMs = 0

  constructor(now: () => number) {
    super({ output: RATE })
    this.#now = now
  }

  override readonly send = (frame: Int16Array): boolean => {
    this.#play()
    const fromMs = Math.max(this.#now(), this.#untilMs)
    this.#untilMs = fromMs + 20
    this.#waiting.push({ frame: frame.slice(), fromMs })
    return true
  }

  override readonly clear = (): number => {
    this.#play()
    const now = this.#now()
    let unplayedMs = 0
    for (const { frame, fromMs } of this.#waiting) {
      const ms = Math.min(20, Math.max(0, now - fromMs))
      this.#played.push(frame.subarray(0, ms * PER_MS))
      unplayedMs += 20 - ms
    }
    this.#waiting = []
    this.#untilMs = now
    return unplayedMs
  }

  #play(): void {
    const now = this.#now()
    while (this.#waiting[0] !== undefined && this.#waiting[0].fromMs + 20 <= now) {
      this.#played.push(this.#waiting.shift()!.frame)
    }
  }

  /** How many ms of audio of this level were heard. */
  heardMs(level: number): number {
    this.#play()
    return this.#played.reduce((sum, frame) => sum + frame.filter((sample) => sample === level).length, 0) / PER_MS
  }
}

const between = (min: number, max: number) => Random.nextIntBetween(min, max)

type Part = { readonly ms: number } | { readonly text: string } | { readonly waitMs: number } | { readonly tool: true }

const partOf = Effect.gen(function*() {
  switch (yield* between(0, 7)) {
    case 0:
      return { text: "some words that it wrote. " }
    case 1:
      return { waitMs: yield* between(0, 3_000) }
    case 2:
      return { tool: true as const }
    case 3:
      return { ms: yield* between(5_000, 90_000) }
    default:
      return { ms: yield* between(1, 2_000) }
  }
})

const levelOf = (reply: number) => 1_000 + reply

/**
 * One conversation with a model that makes its replies of audio, text, tool calls and pauses, as fast as it likes, while the
 * user interrupts at any time. What the model is told was heard is what was heard.
 */
const conversation = (seed: string) =>
  Effect.gen(function*() {
    const replies = yield* Effect.all(
      Array.from({ length: yield* between(1, 4) }, () =>
        Effect.gen(function*() {
          const parts: ReadonlyArray<Part> = yield* Effect.all(
            Array.from({ length: yield* between(1, 8) }, () => partOf)
          )
          const end = (["ended", "ended", "ended", "failed", "never"] as const)[yield* between(0, 4)] ?? "ended"
          return { parts, end, userMs: yield* between(0, 20_000) }
        }))
    )
    /** An agent answers, and the model speaks each of its sentences in a reply of its own. */
    const inLoop = (yield* between(0, 2)) === 0
    const agent = Agent.fromStream(() =>
      Stream.make("First sentence. ", "Second one. ", "And the third. ", "Now the last.")
    )
    const hasVoice = (yield* between(0, 1)) === 1
    const made = new Map<number, number>()
    const told = new Map<number, number>()
    const clock = yield* Clock.Clock
    const model = Layer.succeed(SpeechToSpeech, {
      name: "model",
      inputSampleRate: 16_000,
      outputSampleRate: RATE,
      capabilities: {
        turnAuthority: "own",
        agentInLoop: true,
        answers: true,
        tools: true,
        interims: false,
        say: true
      },
      open: () =>
        Effect.gen(function*() {
          const events = yield* Queue.unbounded<SpeechToSpeechEvent>()
          const asked = yield* Queue.unbounded<readonly [number, string]>()
          const emit = (event: SpeechToSpeechEvent) => void Queue.offerUnsafe(events, event)
          let calls = 0
          let said = 0
          const answer = Effect.fnUntraced(function*(nth: number, request: string) {
            const reply = `${nth}`
            const { end, parts } = replies[nth] ?? { parts: [{ ms: 100 + 37 * nth }, { ms: 900 }], end: "ended" }
            emit({ _tag: "ReplyStarted", reply, request })
            for (const part of parts) {
              if ("waitMs" in part) yield* Effect.sleep(part.waitMs)
              else if ("text" in part) emit({ _tag: "ReplyText", reply, text: part.text })
              else if ("tool" in part) emit({ _tag: "ToolCall", reply, id: `${++calls}`, name: "none", input: {} })
              else {
                // once truncated, it makes no more
                if (told.has(nth)) return
                for (let ms = 0; ms < part.ms; ms += 40) {
                  const length = Math.min(40, part.ms - ms)
                  const pcm = new Int16Array(length * PER_MS).fill(levelOf(nth))
                  emit({ _tag: "ReplyAudio", reply, pcm, text: ms === 0 ? "words " : "" })
                  made.set(nth, (made.get(nth) ?? 0) + length)
                }
              }
            }
            if (told.has(nth)) return
            if (end === "ended") emit({ _tag: "ReplyEnded", reply })
            if (end === "failed") {
              const error = new PipelineError({ op: "SpeechToSpeech.reply", message: "broken", retryable: false })
              emit({ _tag: "ReplyFailed", reply, error })
            }
          })
          yield* Queue.take(asked).pipe(
            Effect.flatMap(([nth, request]) => Effect.forkScoped(answer(nth, request))),
            Effect.forever,
            Effect.forkScoped
          )
          return {
            push: () => {},
            activity: () => {},
            commit: () => {},
            userText: (text, request) => void Queue.offerUnsafe(asked, [Number(text), request]),
            say: (_, request) => void Queue.offerUnsafe(asked, [inLoop ? said++ : 99, request]),
            truncate: (reply, playedMs) => void told.set(Number(reply), playedMs),
            toolResult: () => {},
            events: Stream.fromQueue(events)
          }
        })
    })
    const backend = VoiceBackend.layerS2s({
      config: { timeout: Duration.seconds(5) },
      ...(inLoop ? { agent, agentInLoop: "answer" as const } : {})
    }).pipe(Layer.provide([
      Layer.succeed(BackendProvider.BackendProvider, provider()),
      model,
      ...(hasVoice ? [Scripted.layerTts()] : []),
      Scripted.layerVad()
    ]))
    yield* running(
      backend,
      Effect.gen(function*() {
        const farEnd = new FarEnd(() => clock.currentTimeMillisUnsafe())
        const user = yield* call({ connection: farEnd })
        for (const [nth, { userMs }] of replies.entries()) {
          yield* user.session.sendText(`${nth}`)
          yield* pass(userMs)
        }
        for (let more = 40; more > 0 && (yield* user.session.state.get) !== "listening"; more--) {
          yield* pass("30 seconds")
        }
        assert.strictEqual(yield* user.session.state.get, "listening", seed)
        for (const nth of inLoop ? made.keys() : replies.keys()) {
          const heardMs = farEnd.heardMs(levelOf(nth))
          const expected = told.get(nth) ?? made.get(nth) ?? 0
          const reads = JSON.stringify({
            nth,
            told: told.get(nth),
            made: made.get(nth),
            heardMs,
            hasVoice,
            inLoop,
            replies
          })
          // a reply is heard in frames of 20 ms
          if (Math.abs(heardMs - expected) > 20) assert.fail(`seed ${seed}: ${reads}`)
        }
      })
    )
  }).pipe(Random.withSeed(seed))

/** Runs such conversations, and fails at the first one in which the model was told something else than what was heard. */
export const heardByUser = (from: number, count: number) =>
  Effect.forEach(Array.from({ length: count }, (_, i) => `heard-${from + i}`), conversation, { discard: true })
