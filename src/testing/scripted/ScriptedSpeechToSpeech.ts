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
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { BackendError } from "../../BackendError.ts"
import { SpeechToSpeech, type SpeechToSpeechEvent } from "../../speech/SpeechToSpeech.ts"
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
  | { readonly _tag: "truncate"; readonly reply: string; readonly playedMs: number }
  | { readonly _tag: "toolResult"; readonly id: string; readonly output: string }

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
 * The behaviour of the model.
 *
 * - `agentInLoop`: supports answers from an agent. Default: false.
 * - `turnAuthority`: who decides turns. With `remote` (the default) a turn ends after `silenceMs` (default 300) of silence.
 * - `transcripts`: the user's text of each turn, sent at the end of the turn; `"heard"` decodes it from the audio
 *   (`SpokenAudio`). Default: no transcripts.
 * - `delay`: the delay before an answer.
 * - `failAt`, `endAt`: fails the nth answer, or the whole stream instead of it.
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
  readonly delay?: Duration.Input | undefined
  readonly silenceMs?: number | undefined
  readonly say?: boolean | undefined
  readonly failAt?: { readonly [answer: number]: BackendError } | undefined
  readonly endAt?: { readonly [answer: number]: BackendError } | undefined
  readonly msPerCharacter?: number | undefined
  readonly calls?: Array<S2sCall> | undefined
}

const OUTPUT_RATE = 24_000

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
      open: ({ answers: own }) =>
        Effect.gen(function*() {
          const asked = yield* Queue.unbounded<string | undefined>()
          const events = yield* Queue.unbounded<SpeechToSpeechEvent, BackendError | Cause.Done>()
          const emit = (event: SpeechToSpeechEvent) => void Queue.offerUnsafe(events, event)
          const words: Array<string> = []
          const reader = new SpokenAudio.SpokenAudioReader((word) => words.push(word.text))
          const hear = () => {
            const heard = words.splice(0).join(" ")
            const text = options.transcripts !== "heard" ? given.shift() : heard === "" ? undefined : heard
            if (text !== undefined) emit({ _tag: "UserTranscript", text, final: true })
            if (!own) emit({ _tag: "UserTurnTranscribed" })
          }
          const calling = new Map<string, { readonly reply: string; readonly last: string }>()
          const speak = (reply: string, text: string) => {
            for (const sentence of text.split(/(?<=[.?!]) /u)) {
              const pcm = SpokenAudio.encode(sentence, {
                sampleRate: OUTPUT_RATE,
                msPerCharacter: options.msPerCharacter ?? 50
              })
              emit({ _tag: "ReplyAudio", reply, pcm, text: sentence })
            }
          }
          const answer = (said: string | ScriptedToolCall) => {
            const nth = count++
            const reply = `reply-${nth}`
            const failure = options.failAt?.[nth]
            emit({ _tag: "ReplyStarted", reply })
            if (failure !== undefined) return emit({ _tag: "ReplyFailed", reply, error: failure })
            if (typeof said === "string") {
              speak(reply, said)
              emit({ _tag: "ReplyEnded", reply })
              return
            }
            if (said.first !== undefined) speak(reply, said.first)
            const id = `call-${reply}`
            calling.set(id, { reply, last: said.last })
            emit({ _tag: "ToolCall", reply, id, name: said.call, input: said.input })
          }
          yield* Queue.take(asked).pipe(
            Effect.tap(() => options.delay === undefined ? Effect.void : Effect.sleep(options.delay)),
            Effect.flatMap((said) => {
              const end = options.endAt?.[count]
              if (end !== undefined) return Effect.asVoid(Queue.fail(events, end))
              const text = said ?? left.shift()
              return text === undefined ? Effect.void : Effect.sync(() => answer(text))
            }),
            Effect.forever,
            Effect.forkScoped
          )
          const push = detector(options.silenceMs ?? 300, (speaking) => {
            emit({ _tag: speaking ? "UserSpeechStarted" : "UserSpeechStopped" })
            if (speaking) return
            hear()
            if (own) Queue.offerUnsafe(asked, undefined)
          })
          const call = (done: S2sCall) => void options.calls?.push(done)
          return {
            push: (pcm) => {
              reader.push(pcm)
              if (turnAuthority === "remote") push(pcm)
            },
            activity: () => {},
            commit: () => {
              call({ _tag: "commit" })
              hear()
              if (own) Queue.offerUnsafe(asked, undefined)
            },
            userText: (text) => {
              call({ _tag: "userText", text })
              Queue.offerUnsafe(asked, undefined)
            },
            say: (text) => {
              call({ _tag: "say", text })
              Queue.offerUnsafe(asked, text)
            },
            truncate: (reply, playedMs) => call({ _tag: "truncate", reply, playedMs }),
            toolResult: (id, output) => {
              call({ _tag: "toolResult", id, output })
              const waiting = calling.get(id)
              if (waiting === undefined) return
              speak(waiting.reply, waiting.last.replace("{}", output))
              emit({ _tag: "ReplyEnded", reply: waiting.reply })
            },
            events: Stream.fromQueue(events)
          }
        })
    }
  })
