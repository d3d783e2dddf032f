/**
 * The user's turns with a speech-to-speech model: who decides where they begin and end, and when their words are complete.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { TurnAuthority } from "../../conversation/TurnAuthority.ts"
import type { SpeechToSpeechEvent, SpeechToSpeechStream } from "../../speech/SpeechToSpeech.ts"
import type { Pipeline, PipelineContext } from "./Pipeline.ts"
import * as PipelineInput from "./PipelineInput.ts"
import type { S2sEngines } from "./S2sOptions.ts"

/** An event about the user. */
type TurnEvent = Exclude<SpeechToSpeechEvent, { readonly reply: string }>

/**
 * @category models
 * @since 0.1.0
 */
export interface S2sTurns {
  readonly authority: TurnAuthority
  /** Takes an event of the model about the user. Synchronous. */
  readonly take: (event: TurnEvent) => void
  readonly finalize: Pipeline["finalize"]
}

/**
 * Gives the user's audio to the model, and to the detector where the backend decides turns. Where an agent answers, the
 * model serves as the recogniser: its transcript completes a turn, and it may decide turns as a recogniser does.
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
  if (!remote && vad !== undefined) yield* PipelineInput.addDetector(vad, stream, context)

  /** Ids of the final transcripts that the conversation waits for. */
  const finalizing: Array<number> = []
  /** Turns that have ended and whose transcript has not come. */
  let awaitedTranscripts = 0
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
          awaitedTranscripts++
          return activity("SpeechStopped")
        case "UserTranscript":
          return context.dispatch({ _tag: event.final ? "Final" : "Interim", text: event.text })
        case "UserTurnTranscribed": {
          if (!agentAnswers) return
          awaitedTranscripts = Math.max(0, awaitedTranscripts - 1)
          const ids = remote ? finalizing.splice(0) : finalizing.splice(0, 1)
          if (ids.length === 0) return remote ? context.dispatch({ _tag: "EndOfTurn" }) : undefined
          for (const id of ids) context.dispatch({ _tag: "Finalized", id })
        }
      }
    },
    finalize: (id, untilSample) => {
      if (!agentAnswers || (remote && awaitedTranscripts === 0)) return context.dispatch({ _tag: "Finalized", id })
      finalizing.push(id)
      if (!remote) stream.commit(untilSample, `transcript-${id}`)
    }
  }
  return turns
})
