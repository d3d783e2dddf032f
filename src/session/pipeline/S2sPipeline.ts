/**
 * A speech-to-speech model as the pipeline of a session.
 *
 * The model's replies are played as replies of the conversation: paced, interrupted and remembered like any other. With
 * `turnAuthority: "own"` the backend's voice activity decides turns and tells the model; with `remote` the model does.
 *
 * An agent may be in the loop: it answers in place of the model, which then only hears and speaks (`answer`), or the model
 * asks it by a tool (`tool`).
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type BackendError, InvalidConfig, normalize, PipelineError, Timeout } from "../../BackendError.ts"
import type { ReplySource } from "../../conversation/ConversationState.ts"
import type { SpeechToSpeechEvent, SpeechToSpeechStream } from "../../speech/SpeechToSpeech.ts"
import * as ReplyTrace from "../tracing/ReplyTrace.ts"
import type { Pipeline, PipelineContext, PipelineFactory } from "./Pipeline.ts"
import * as ReplyMilestones from "./ReplyMilestones.ts"
import type { S2sEngines, S2sOptions } from "./S2sOptions.ts"
import * as S2sReplies from "./S2sReplies.ts"
import * as S2sTools from "./S2sTools.ts"
import * as S2sTurns from "./S2sTurns.ts"
import * as SentenceStream from "./SentenceStream.ts"
import { StallWatch } from "./StallWatch.ts"

const lacks = ({ agentInLoop, tools = [] }: S2sOptions, { s2s, vad }: S2sEngines) => {
  const { answers, agentInLoop: hears, tools: calls, turnAuthority } = s2s.capabilities
  if (turnAuthority !== "remote" && vad === undefined) {
    return ["vad_provider", `${s2s.name} does not decide turns: a voice activity detector is needed`] as const
  }
  if (agentInLoop === "answer" && !hears) {
    return ["agent_in_loop", `${s2s.name} cannot leave its answers to an agent`] as const
  }
  if (agentInLoop !== "answer" && !answers) {
    return ["answers", `${s2s.name} has no answers of its own: it needs agent_in_loop: answer`] as const
  }
  if ((agentInLoop === "tool" || tools.length > 0) && !calls) {
    return ["tools", `${s2s.name} calls no tools`] as const
  }
  if (agentInLoop === "answer" && tools.length > 0) {
    return ["tools", "with agent_in_loop: answer the model calls no tools: the agent does"] as const
  }
  return undefined
}

/** One reply of the model within a reply of the conversation: where its audio begins and ends in it, in ms. */
interface Part {
  readonly reply: string
  readonly fromMs: number
  toMs: number
  over: boolean
}

/**
 * The pipeline of the sessions on a backend's model. Fails `invalid_config` when the model lacks what is asked for
 * (`details.missing`), and when it cannot decide turns and there is no detector.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (engines: S2sEngines, options: S2sOptions = {}): Effect.Effect<PipelineFactory, InvalidConfig> => {
  const agentInLoop = options.agentInLoop ?? (engines.s2s.capabilities.answers ? "off" : "answer")
  const missing = lacks({ ...options, agentInLoop }, engines)
  return missing === undefined
    ? Effect.succeed((context) => open(engines, { ...options, agentInLoop }, context))
    : Effect.fail(
      new InvalidConfig({
        op: "VoiceBackend.make",
        message: missing[1],
        details: { engine: engines.s2s.name, missing: missing[0] }
      })
    )
}

const open = Effect.fnUntraced(function*(
  engines: S2sEngines,
  { agentInLoop, textTransforms, tools: given = [] }: S2sOptions,
  context: PipelineContext
) {
  const { s2s, turn: turnDetector } = engines
  const agentAnswers = agentInLoop === "answer"
  const tools = agentInLoop === "tool" ? [...given, S2sTools.askAgent(context)] : given
  const stream: SpeechToSpeechStream = yield* s2s.open({
    sessionId: context.sessionId,
    history: context.history.map(({ role, text }) => ({ role, text })),
    answers: !agentAnswers,
    tools: tools.map(({ description, name, parameters }) => ({ name, description, parameters })),
    onIncident: context.onIncident
  }).pipe(Effect.timeoutOrElse({
    duration: context.timeout,
    orElse: () => Effect.fail(new Timeout({ op: "SpeechToSpeech.open", message: `opening ${s2s.name} took too long` }))
  }))

  // what of the model's is heard under which epoch
  const playing = new Map<number, Array<Part>>()
  const replies = yield* S2sReplies.make({
    truncate: stream.truncate,
    unasked: (reply) =>
      agentAnswers ? stream.truncate(reply, 0) : context.dispatch({ _tag: "ModelReplyStarted", reply })
  })
  const turns = yield* S2sTurns.make(engines, agentAnswers, context, stream)
  const call = S2sTools.make(tools, context, stream)

  const onEvent = (event: SpeechToSpeechEvent): void => "reply" in event ? replies.take(event) : turns.take(event)
  yield* Stream.runForEach(stream.events, (event) => Effect.sync(() => onEvent(event))).pipe(
    Effect.andThen(
      Effect.fail<BackendError>(
        new PipelineError({ op: "SpeechToSpeech.events", message: `${s2s.name} ended its stream`, retryable: false })
      )
    ),
    normalize("SpeechToSpeech.events"),
    Effect.catch((error) =>
      Effect.sync(() => {
        context.dispatch({ _tag: "EngineDown", engine: s2s.name, error })
        context.dispatch({ _tag: "Close", reason: "failed" })
      })
    ),
    Effect.forkScoped
  )

  const inTime = (what: string) =>
    Effect.timeoutOrElse({
      duration: context.timeout,
      orElse: () =>
        Effect.fail(
          new Timeout({ op: "SpeechToSpeech.reply", message: `${what} for ${Duration.format(context.timeout)}` })
        )
    })
  const asked = (ask: () => void) => replies.ask(ask).pipe(inTime(`${s2s.name} gave no answer`))

  type Request = Parameters<Pipeline["reply"]>[0]
  /** Known at once: it may be ended before its fiber has begun. */
  const begin = (epoch: number, reply: string): Part => {
    const parts = playing.get(epoch) ?? []
    const fromMs = parts.at(-1)?.toMs ?? 0
    const part = { reply, fromMs, toMs: fromMs, over: false }
    playing.set(epoch, [...parts, part])
    return part
  }
  /** Hands a reply of the model to the voice, to its end; what it calls meanwhile ends with it. */
  const play = ({ epoch, history, trace, turn }: Request, part: Part): Effect.Effect<void, BackendError> =>
    Effect.scopedWith((scope) =>
      Effect.gen(function*() {
        const events = replies.events(part.reply)
        if (events === undefined) return
        const progress = ReplyMilestones.make(context.dispatch, epoch)
        while (true) {
          const event = yield* Queue.take(events).pipe(inTime(`${s2s.name} gave nothing more of its reply`))
          if (event._tag === "ReplyAudio") {
            if (event.pcm.length === 0 && event.text === "") continue
            progress("tts")
            part.toMs += event.pcm.length * 1_000 / s2s.outputSampleRate
            yield* context.replyAudio.speak(epoch, [event], s2s.outputSampleRate)
          } else if (event._tag === "ToolCall") {
            const { metadata, sessionId, userId } = context
            yield* Scope.provide(
              Effect.forkScoped(call(event, { sessionId, userId, metadata: metadata(), turn, history }, trace?.think)),
              scope
            )
          } else if (event._tag === "ReplyFailed") {
            return yield* event.error
          } else if (event._tag === "ReplyEnded") {
            part.over = true
            return
          }
        }
      })
    ).pipe(Effect.ensuring(Effect.sync(() => replies.forget(part.reply))))
  const playWhole = (request: Request, reply: string) => {
    const part = begin(request.epoch, reply)
    return Effect.andThen(play(request, part), Effect.sync(() => context.replyAudio.finish(request.epoch)))
  }

  const sentences = SentenceStream.make(textTransforms)
  /** Has the model speak a text, sentence by sentence: the next is asked for while the former is played. */
  const speak = (request: Request, source: Exclude<ReplySource, { readonly _tag: "Audio" | "ModelInitiated" }>) => {
    const { committed, epoch, history, trace, turn } = request
    const watch = new StallWatch()
    const progress = ReplyMilestones.make(context.dispatch, epoch)
    const text = source._tag === "Text" ? Stream.succeed(source.text) : context.agent().respond({
      transcript: source.transcript,
      history,
      sessionId: context.sessionId,
      userId: context.userId,
      turn,
      metadata: context.metadata(),
      committed,
      session: context.session
    }).pipe(ReplyTrace.thinking(trace), watch.over("Agent.respond", "the agent", context.timeout))
    const spoken = text.pipe(
      // nothing is said while an agent waits for a tool: it shows that it does
      Stream.tap((piece) => piece === "" ? watch.alive : Effect.sync(() => progress("agent"))),
      Stream.filter((piece) => piece !== ""),
      sentences,
      Stream.runForEach((sentence) =>
        Effect.suspend(() => {
          context.planned(epoch, sentence)
          progress("clause")
          return Effect.flatMap(
            asked(() => stream.say(sentence)),
            (reply) => play(request, begin(epoch, reply))
          )
        })
      ),
      Effect.andThen(Effect.sync(() => context.replyAudio.finish(epoch)))
    )
    const fail = (error: BackendError) => context.dispatch({ _tag: "ReplyFailed", epoch, error })
    // not within the dispatch that began the reply: what happens to it could not be told before its first frame
    return Effect.yieldNow.pipe(Effect.andThen(Effect.forkChild(watch.run(fail))), Effect.andThen(spoken))
  }

  const pipeline: Pipeline = {
    turnAuthority: turns.authority,
    textual: agentAnswers,
    interims: agentAnswers && s2s.capabilities.interims,
    judge: agentAnswers && turnDetector !== undefined
      ? (transcript, agentSaid) => turnDetector.endOfTurn({ transcript, agentSaid })
      : undefined,
    finalize: turns.finalize,
    reply: (request) => {
      const { source } = request
      switch (source._tag) {
        case "ModelInitiated":
          return playWhole(request, source.reply)
        case "Answer":
          return agentAnswers ? speak(request, source) : Effect.flatMap(
            asked(() =>
              source.kind === "text" ? stream.userText(source.transcript) : stream.commit(context.input.position)
            ),
            (reply) => playWhole(request, reply)
          )
        case "Text":
          if (agentAnswers) return speak(request, source)
          return s2s.capabilities.say
            ? Effect.flatMap(asked(() => stream.say(source.text)), (reply) => playWhole(request, reply))
            : Effect.fail(
              new InvalidConfig({
                op: "VoiceSession.say",
                message: `${s2s.name} cannot speak a given text`,
                details: { missing: "say" }
              })
            )
        case "Audio":
          return Effect.void
      }
    },
    ended: (epoch, { completed, playedMs }) => {
      const parts = playing.get(epoch) ?? []
      playing.delete(epoch)
      for (const { fromMs, over, reply, toMs } of parts) {
        replies.forget(reply)
        const whole = completed || (over && playedMs >= toMs && parts.length > 1)
        if (!whole) stream.truncate(reply, Math.max(0, playedMs - fromMs))
      }
    }
  }
  return pipeline
})
