/**
 * The user's turns over a speech-to-speech model: who tells where they begin and end, and when their words are complete.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Timeout } from "../../BackendError.ts"
import type { TurnAuthority } from "../../conversation/TurnAuthority.ts"
import type { SpeechToSpeechEvent, SpeechToSpeechStream } from "../../speech/SpeechToSpeech.ts"
import type { Pipeline, PipelineContext } from "./Pipeline.ts"
import type { S2sEngines } from "./S2sOptions.ts"

/** An event of the user's side. */
type TurnEvent = Exclude<SpeechToSpeechEvent, { readonly reply: string }>

/**
 * @category models
 * @since 0.1.0
 */
export interface S2sTurns {
  readonly authority: TurnAuthority
  /** Takes what the model tells of the user; synchronous. */
  readonly take: (event: TurnEvent) => void
  readonly finalize: Pipeline["finalize"]
}

/**
 * Gives the user's audio to the model, and to the detector where the backend decides turns. Where an agent answers, the
 * model is a recogniser: its words complete a turn, and its ends of turns are a recogniser's.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { s2s, vad }: S2sEngines,
  agentAnswers: boolean,
  context: PipelineContext,
  stream: SpeechToSpeechStream
) {
  const remote = s2s.capabilities.turnAuthority === "remote"
  yield* Effect.fromResult(context.input.add({ sampleRate: s2s.inputSampleRate, push: (pcm) => stream.push(pcm) }))
  if (!remote && vad !== undefined) {
    const detector = yield* vad.open({
      onActivity: (activity) => {
        stream.activity(activity)
        context.dispatch(activity)
      }
    }).pipe(Effect.timeoutOrElse({
      duration: context.timeout,
      orElse: () =>
        Effect.fail(new Timeout({ op: "VoiceActivityDetector.open", message: `opening ${vad.name} took too long` }))
    }))
    yield* Effect.fromResult(
      context.input.add({
        sampleRate: vad.sampleRate,
        branch: "vad",
        push: (pcm) => detector.push(pcm),
        settle: detector.settle,
        behind: detector.behind
      })
    )
  }

  // final words that the machine waits for, and turns whose words the model owes
  const asked: Array<number> = []
  let owed = 0
  const activity = (tag: "SpeechStarted" | "SpeechStopped") => {
    const at = context.input.position
    context.dispatch({ _tag: tag, atSample: at, decidedAtSample: at })
  }
  const turns: S2sTurns = {
    authority: agentAnswers && remote ? "stt" : s2s.capabilities.turnAuthority,
    take: (event) => {
      switch (event._tag) {
        case "UserSpeechStarted":
          return remote ? activity("SpeechStarted") : undefined
        case "UserSpeechStopped":
          if (!remote) return
          owed++
          return activity("SpeechStopped")
        case "UserTranscript":
          return context.dispatch({ _tag: event.final ? "Final" : "Interim", text: event.text })
        case "UserTurnTranscribed": {
          if (!agentAnswers) return
          owed = Math.max(0, owed - 1)
          const ids = remote ? asked.splice(0) : asked.splice(0, 1)
          if (ids.length === 0) return remote ? context.dispatch({ _tag: "EndOfTurn" }) : undefined
          for (const id of ids) context.dispatch({ _tag: "Finalized", id })
        }
      }
    },
    finalize: (id, untilSample) => {
      if (!agentAnswers || (remote && owed === 0)) return context.dispatch({ _tag: "Finalized", id })
      asked.push(id)
      if (!remote) stream.commit(untilSample)
    }
  }
  return turns
})
