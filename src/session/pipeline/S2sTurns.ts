/**
 * The user's turns with a speech-to-speech model: who decides where they begin and end, and when their words are complete.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import type { TurnAuthority } from "../../conversation/TurnAuthority.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { SpeechToSpeechEvent, SpeechToSpeechStream } from "../../speech/SpeechToSpeech.ts"
import type { Pipeline, PipelineContext } from "./Pipeline.ts"
import * as PipelineInput from "./PipelineInput.ts"
import type { S2sEngines } from "./S2sOptions.ts"
import * as TurnPrediction from "./TurnPrediction.ts"

/** An event about the user. */
type TurnEvent = Exclude<SpeechToSpeechEvent, { readonly reply: string } | { readonly _tag: "RequestFailed" }>

/** How long the transcript of a turn may take, in ms; longer than the conversation waits for it. */
const TRANSCRIPT_MS = 10_000

/**
 * @category models
 * @since 0.1.0
 */
export interface S2sTurns {
  readonly authority: TurnAuthority
  /** Takes an event of the model about the user. Synchronous. */
  readonly take: (event: TurnEvent) => void
  /** Takes that no transcript will come for a request; `false` if it is not one for a transcript. Synchronous. */
  readonly failed: (request: string) => boolean
  /** The model has begun a reply. Synchronous. */
  readonly replyStarted: () => void
  readonly finalize: Pipeline["finalize"]
  /** The way to the turn detector, where the backend decides turns and there is something to judge by: words, or sound. */
  readonly prediction: TurnPrediction.TurnPrediction | undefined
}

/** A transcript that the conversation waits for. */
interface AwaitedTranscript {
  readonly id: number
  readonly request: string
  readonly untilMs: number
}

/**
 * The transcripts that the conversation waits for. One that never comes is given up: it costs its turn, and does not shift
 * the others.
 */
class AwaitedTranscripts {
  readonly #now: () => number
  #waiting: ReadonlyArray<AwaitedTranscript> = []

  constructor(now: () => number) {
    this.#now = now
  }

  add(id: number): string {
    const request = `transcript-${id}`
    this.#waiting = [...this.#left, { id, request, untilMs: this.#now() + TRANSCRIPT_MS }]
    return request
  }

  /** Takes the one that was requested so; without a name, the oldest. */
  take(request: string | undefined): number | undefined {
    const left = this.#left
    const taken = request === undefined ? left[0] : left.find((other) => other.request === request)
    this.#waiting = left.filter((other) => other !== taken)
    return taken?.id
  }

  takeAll(): ReadonlyArray<number> {
    const ids = this.#left.map(({ id }) => id)
    this.#waiting = []
    return ids
  }

  get #left(): ReadonlyArray<AwaitedTranscript> {
    return this.#waiting.filter(({ untilMs }) => untilMs > this.#now())
  }
}

/**
 * Gives the user's audio to the model, and to the detector where the backend decides turns. Where an agent answers, the
 * model serves as the recogniser: its transcript completes a turn, and it may decide turns as a recogniser does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { s2s, turn, vad }: S2sEngines,
  agentAnswers: boolean,
  context: PipelineContext,
  stream: SpeechToSpeechStream
) {
  const remote = s2s.capabilities.turnAuthority === "remote"
  yield* Effect.fromResult(context.input.add({ sampleRate: s2s.inputSampleRate, push: (pcm) => stream.push(pcm) }))
  const prediction = remote || turn === undefined || (!agentAnswers && turn.listen === undefined)
    ? undefined
    : yield* TurnPrediction.make(turn, context)
  if (!remote && vad !== undefined) {
    const change: typeof stream.activity = (each) => {
      prediction?.activity(each)
      stream.activity(each)
    }
    yield* PipelineInput.addDetector(vad, { activity: change }, context)
  }

  const clock = yield* Clock.Clock
  const now = () => MonotonicTime.nowMs(clock)
  const awaited = new AwaitedTranscripts(now)
  /** With the model as turn authority: turns that have ended and whose transcript has not come, and until when it may. */
  let stopped: ReadonlyArray<number> = []
  const stoppedLeft = () => stopped.filter((untilMs) => untilMs > now())
  /** Waits for the reply to what the user said last, where the model decides turns and answers. */
  const awaitReply = yield* FiberHandle.makeRuntime<never>()
  /** Whether the model has begun a reply since the user began to speak. */
  let hasReplied = false
  const noReply = Effect.delay(
    Effect.sync(() => context.dispatch({ _tag: "ModelTurnUnanswered", reason: "no_reply" })),
    context.timeout
  )
  const answered = () => {
    hasReplied = true
    if (remote && !agentAnswers) awaitReply(Effect.void)
  }
  const activity = (tag: "SpeechStarted" | "SpeechStopped") => {
    const at = context.input.position
    context.dispatch({ _tag: tag, atSample: at, decidedAtSample: at })
  }
  const transcribed = (request: string | undefined) => {
    if (!agentAnswers) return
    if (!remote) {
      const id = awaited.take(request)
      return id === undefined ? undefined : context.dispatch({ _tag: "Finalized", id })
    }
    stopped = stoppedLeft().slice(1)
    const ids = awaited.takeAll()
    if (ids.length === 0) context.dispatch({ _tag: "EndOfTurn" })
    for (const id of ids) context.dispatch({ _tag: "Finalized", id })
  }
  const turns: S2sTurns = {
    authority: agentAnswers && remote ? "stt" : s2s.capabilities.turnAuthority,
    take: (event) => {
      switch (event._tag) {
        case "UserSpeechStarted":
          if (!remote) return
          answered()
          hasReplied = false
          return activity("SpeechStarted")
        case "UserSpeechStopped":
          if (!remote) return
          stopped = [...stoppedLeft(), now() + TRANSCRIPT_MS]
          if (!agentAnswers && !hasReplied) awaitReply(noReply)
          return activity("SpeechStopped")
        case "UserTranscript":
          return context.dispatch({ _tag: event.final ? "Final" : "Interim", text: event.text })
        case "UserTurnTranscribed":
          return transcribed(event.request)
        case "UserTurnUnanswered":
          if (!remote || agentAnswers) return
          answered()
          return context.dispatch({ _tag: "ModelTurnUnanswered", reason: "empty" })
      }
    },
    failed: (request) => {
      const id = awaited.take(request)
      if (id !== undefined) context.dispatch({ _tag: "Finalized", id })
      return id !== undefined
    },
    replyStarted: answered,
    prediction,
    finalize: (id, untilSample) => {
      if (!agentAnswers || (remote && stoppedLeft().length === 0)) return context.dispatch({ _tag: "Finalized", id })
      const request = awaited.add(id)
      if (!remote) stream.commit(untilSample, request)
    }
  }
  return turns
})
