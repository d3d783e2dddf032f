/**
 * A scripted speech-to-speech model for tests of timing and faults.
 *
 * It answers each turn with the next of its texts, and records the calls it receives.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { type BackendError, PipelineError } from "../../BackendError.ts"
import { SpeechToSpeech, type SpeechToSpeechClient, type SpeechToSpeechEvent } from "../../speech/SpeechToSpeech.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import * as SpokenAudio from "../scenario/SpokenAudio.ts"
import { SPEECH_LEVEL } from "./ScriptedEngines.ts"

/**
 * A call that the model received.
 *
 * @category models
 * @since 0.1.0
 */
export type S2sCall =
  | { readonly _tag: "commit" }
  | { readonly _tag: "userText"; readonly text: string }
  | { readonly _tag: "say"; readonly text: string }
  | { readonly _tag: "cancel"; readonly request: string }
  | { readonly _tag: "truncate"; readonly reply: string; readonly playedMs: number }
  | { readonly _tag: "toolResult"; readonly id: string; readonly output: string }
  | { readonly _tag: "setLanguage"; readonly language: string }
  | { readonly _tag: "setClient"; readonly client: SpeechToSpeechClient }

/**
 * An answer that calls a tool: it says `first`, calls, and continues with `last`, in which `{}` is replaced by the result.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScriptedToolCall {
  readonly first?: string | undefined
  readonly call: string
  readonly input: unknown
  readonly last: string
}

/**
 * The ways in which an answer goes wrong.
 *
 * @category constants
 * @since 0.1.0
 */
export const faults = ["lost", "refused", "late", "empty", "mute", "text", "stalls", "endless", "twice"] as const

/**
 * How an answer goes wrong.
 *
 * - `lost`: it never begins. `refused`: the model says that it will not begin, or that the user's turn gets no answer.
 * - `late`: it begins after `lateAfter`, while others are asked for.
 * - `empty`, `mute`: it ends with nothing in it, or with a second of silence.
 * - `text`: it is written, not spoken; without a voice for it, it fails.
 * - `stalls`: half of its first sentence comes, and then nothing more.
 * - `endless`: it is said again and again, 20 min of audio, at once.
 * - `twice`: its beginning and its end are told twice.
 *
 * @category models
 * @since 0.1.0
 */
export type S2sFault = typeof faults[number]

/**
 * The behaviour of the model.
 *
 * - `agentInLoop`: supports answers from an agent. Default: false.
 * - `turnAuthority`: who decides turns. With `remote` (the default) a turn ends after `silenceMs` (default 300) of silence.
 * - `transcripts`: the user's text of each turn, sent at the end of the turn; `"heard"` decodes it from the audio
 *   (`SpokenAudio`). Default: no transcripts.
 * - `untranscribedAt`: turns, counted from 0, whose transcript never comes where an agent answers.
 * - `delay`: the delay before an answer.
 * - `failAt`, `endAt`: fails the nth answer, or the whole stream instead of it.
 * - `faultAt`: how the nth answer goes wrong.
 * - `lateAfter`: the delay of a late answer. Default: 45 s.
 * - `namesRequests`: whether its replies name the request that they answer. Default: true.
 * - `msPerCharacter`: the length of a character, default 50; one chunk for each sentence, at 24 kHz.
 * - `calls`: receives the calls of the model.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScriptedS2sOptions {
  readonly agentInLoop?: boolean | undefined
  readonly turnAuthority?: "own" | "remote" | undefined
  readonly transcripts?: ReadonlyArray<string> | "heard" | undefined
  readonly untranscribedAt?: ReadonlyArray<number> | undefined
  readonly delay?: Duration.Input | undefined
  readonly silenceMs?: number | undefined
  readonly say?: boolean | undefined
  readonly failAt?: { readonly [answer: number]: BackendError } | undefined
  readonly endAt?: { readonly [answer: number]: BackendError } | undefined
  readonly faultAt?: { readonly [answer: number]: S2sFault } | undefined
  readonly lateAfter?: Duration.Input | undefined
  readonly namesRequests?: boolean | undefined
  readonly msPerCharacter?: number | undefined
  readonly calls?: Array<S2sCall> | undefined
}

const OUTPUT_RATE = 24_000
const ENDLESS_MS = 20 * 60_000

const broken = (message: string) =>
  new PipelineError({ op: "SpeechToSpeech.reply", message: `scripted: ${message}`, retryable: true })

/** What is to be answered: the user's turn, or a text to say; without a request, a turn that the model has ended. */
interface Asked {
  readonly request: string | undefined
  readonly text: string | undefined
}

/** Calls `on(true)` at the first loud sample, and `on(false)` after `silenceMs` of silence. */
const detector = (silenceMs: number, on: (speaking: boolean) => void) => {
  let speaking = false
  let quiet = 0
  return (pcm: Int16Array): void => {
    for (const sample of pcm) {
      if (Math.abs(sample) >= SPEECH_LEVEL) {
        quiet = 0
        if (!speaking) on(speaking = true)
      } else if (speaking && ++quiet >= silenceMs * TIMELINE_RATE / 1000) {
        on(speaking = false)
      }
    }
  }
}

/**
 * A model that gives these answers, then none.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerS2s = (
  answers: ReadonlyArray<string | ScriptedToolCall>,
  options: ScriptedS2sOptions = {}
): Layer.Layer<SpeechToSpeech> =>
  Layer.sync(SpeechToSpeech, () => {
    const turnAuthority = options.turnAuthority ?? "remote"
    const left = [...answers]
    const given = options.transcripts === "heard" ? [] : [...(options.transcripts ?? [])]
    let count = 0
    let turns = 0
    return {
      name: "scripted-s2s",
      inputSampleRate: TIMELINE_RATE,
      outputSampleRate: OUTPUT_RATE,
      capabilities: {
        turnAuthority,
        agentInLoop: options.agentInLoop ?? false,
        answers: true,
        tools: answers.some((answer) => typeof answer !== "string"),
        interims: false,
        say: options.say ?? true,
        languages: [],
        voices: ["scripted"],
        keyterms: true
      },
      open: ({ answers: own, speaksText = false }) =>
        Effect.gen(function*() {
          const asked = yield* Queue.unbounded<Asked>()
          const events = yield* Queue.unbounded<SpeechToSpeechEvent, BackendError | Cause.Done>()
          const fork = yield* FiberSet.makeRuntime<never>()
          const emit = (event: SpeechToSpeechEvent) => void Queue.offerUnsafe(events, event)
          const words: Array<string> = []
          const reader = new SpokenAudio.SpokenAudioReader((word) => words.push(word.text))
          const name = (request: string | undefined) => options.namesRequests === false ? undefined : request
          const hear = (request?: string) => {
            const heard = words.splice(0).join(" ")
            const text = options.transcripts !== "heard" ? given.shift() : heard === "" ? undefined : heard
            if (!own && options.untranscribedAt?.includes(turns++) === true) return
            if (text !== undefined) emit({ _tag: "UserTranscript", text, final: true })
            if (!own) emit({ _tag: "UserTurnTranscribed", request: name(request) })
          }
          const calling = new Map<string, { readonly reply: string; readonly last: string }>()
          const audioOf = (sentence: string) =>
            SpokenAudio.encode(sentence, { sampleRate: OUTPUT_RATE, msPerCharacter: options.msPerCharacter ?? 50 })
          const speak = (reply: string, text: string) => {
            for (const sentence of text.split(/(?<=[.?!]) /u)) {
              emit({ _tag: "ReplyAudio", reply, pcm: audioOf(sentence), text: sentence })
            }
          }
          /** Says a text, in the way of a fault. */
          const say = (reply: string, request: string | undefined, text: string, fault: S2sFault | undefined) => {
            const tell = (event: SpeechToSpeechEvent) => {
              emit(event)
              if (fault === "twice") emit(event)
            }
            tell({ _tag: "ReplyStarted", reply, request: name(request) })
            switch (fault) {
              case "empty":
                break
              case "mute":
                emit({ _tag: "ReplyAudio", reply, pcm: new Int16Array(OUTPUT_RATE), text: "" })
                break
              case "text":
                if (!speaksText) return emit({ _tag: "ReplyFailed", reply, error: broken("it wrote its answer") })
                emit({ _tag: "ReplyText", reply, text })
                break
              case "stalls": {
                const pcm = audioOf(text)
                return emit({ _tag: "ReplyAudio", reply, pcm: pcm.subarray(0, pcm.length >> 1), text })
              }
              case "endless": {
                const onceMs = Math.max(1, text.length * (options.msPerCharacter ?? 50))
                for (let ms = 0; ms < ENDLESS_MS; ms += onceMs) speak(reply, text)
                break
              }
              default:
                speak(reply, text)
            }
            tell({ _tag: "ReplyEnded", reply })
          }
          const answer = (said: string | ScriptedToolCall, request: string | undefined) => {
            const nth = count++
            const reply = `reply-${nth}`
            const failure = options.failAt?.[nth]
            const fault = options.faultAt?.[nth]
            if (fault === "lost") return
            if (fault === "refused") {
              return emit(
                request === undefined
                  ? { _tag: "UserTurnUnanswered" }
                  : { _tag: "RequestFailed", request, error: broken("it refused to answer") }
              )
            }
            if (fault === "late") {
              const text = typeof said === "string" ? said : said.last
              return void fork(
                Effect.delay(Effect.sync(() => say(reply, request, text, undefined)), options.lateAfter ?? "45 seconds")
              )
            }
            if (failure !== undefined) {
              emit({ _tag: "ReplyStarted", reply, request: name(request) })
              return emit({ _tag: "ReplyFailed", reply, error: failure })
            }
            if (typeof said === "string") return say(reply, request, said, fault)
            emit({ _tag: "ReplyStarted", reply, request: name(request) })
            if (said.first !== undefined) speak(reply, said.first)
            const id = `call-${reply}`
            calling.set(id, { reply, last: said.last })
            emit({ _tag: "ToolCall", reply, id, name: said.call, input: said.input })
          }
          yield* Queue.take(asked).pipe(
            Effect.tap(() => options.delay === undefined ? Effect.void : Effect.sleep(options.delay)),
            Effect.flatMap(({ request, text }) => {
              const end = options.endAt?.[count]
              if (end !== undefined) return Effect.asVoid(Queue.fail(events, end))
              const said = text ?? left.shift()
              return said === undefined ? Effect.void : Effect.sync(() => answer(said, request))
            }),
            Effect.forever,
            Effect.forkScoped
          )
          const push = detector(options.silenceMs ?? 300, (speaking) => {
            emit({ _tag: speaking ? "UserSpeechStarted" : "UserSpeechStopped" })
            if (speaking) return
            hear()
            if (own) Queue.offerUnsafe(asked, { request: undefined, text: undefined })
          })
          const call = (done: S2sCall) => void options.calls?.push(done)
          return {
            push: (pcm) => {
              reader.push(pcm)
              if (turnAuthority === "remote") push(pcm)
            },
            activity: () => {},
            commit: (_untilSample, request) => {
              call({ _tag: "commit" })
              hear(request)
              if (own) Queue.offerUnsafe(asked, { request, text: undefined })
            },
            userText: (text, request) => {
              call({ _tag: "userText", text })
              Queue.offerUnsafe(asked, { request, text: undefined })
            },
            say: (text, request) => {
              call({ _tag: "say", text })
              Queue.offerUnsafe(asked, { request, text })
            },
            cancel: (request) => call({ _tag: "cancel", request }),
            truncate: (reply, playedMs) => call({ _tag: "truncate", reply, playedMs }),
            toolResult: (id, output) => {
              call({ _tag: "toolResult", id, output })
              const waiting = calling.get(id)
              if (waiting === undefined) return
              speak(waiting.reply, waiting.last.replace("{}", output))
              emit({ _tag: "ReplyEnded", reply: waiting.reply })
            },
            setLanguage: (language) => call({ _tag: "setLanguage", language }),
            setClient: (client) => call({ _tag: "setClient", client }),
            events: Stream.fromQueue(events)
          }
        })
    }
  })
