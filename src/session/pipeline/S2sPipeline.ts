/**
 * A speech-to-speech model as the pipeline of a session.
 *
 * The model's replies are replies of the conversation: paced, interrupted and kept in the history like any other. With
 * `turnAuthority: "own"` the backend's voice activity detector decides turns; with `remote` the model does.
 *
 * An agent may be in the loop: it answers in place of the model, which then only recognises and speaks (`answer`), or the
 * model asks it by a tool call (`tool`).
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type BackendError, InvalidConfig, PipelineError, Timeout } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as SessionSpeech from "../../speech/SessionSpeech.ts"
import type { SpeechToSpeechEvent, SpeechToSpeechStream } from "../../speech/SpeechToSpeech.ts"
import * as AgentReply from "./AgentReply.ts"
import type { Pipeline, PipelineContext, PipelineFactory, ReplyRequest } from "./Pipeline.ts"
import * as PipelineInput from "./PipelineInput.ts"
import * as ReplyMilestones from "./ReplyMilestones.ts"
import type { S2sEngines, S2sOptions } from "./S2sOptions.ts"
import * as S2sReplies from "./S2sReplies.ts"
import * as S2sTools from "./S2sTools.ts"
import * as S2sTurns from "./S2sTurns.ts"
import * as SentenceStream from "./SentenceStream.ts"

/** What the engines lack for these options: the missing capability and a message. */
const missingCapability = ({ agentInLoop, tools = [] }: S2sOptions, { s2s, vad }: S2sEngines) => {
  const { answers, agentInLoop: leavesAnswers, tools: callsTools, turnAuthority } = s2s.capabilities
  if (turnAuthority !== "remote" && vad === undefined) {
    return ["vad_provider", `${s2s.name} does not decide turns: configure a voice activity detector`] as const
  }
  if (agentInLoop === "answer" && !leavesAnswers) {
    return ["agent_in_loop", `${s2s.name} does not support agent_in_loop: answer`] as const
  }
  if (agentInLoop !== "answer" && !answers) {
    return ["answers", `${s2s.name} has no answers of its own: use agent_in_loop: answer`] as const
  }
  if ((agentInLoop === "tool" || tools.length > 0) && !callsTools) {
    return ["tools", `${s2s.name} does not support tools`] as const
  }
  if (agentInLoop === "answer" && tools.length > 0) {
    return ["tools", "with agent_in_loop: answer the model calls no tools: give them to the agent"] as const
  }
  return undefined
}

/** One reply of the model within a reply of the conversation: where its audio begins and ends there, in ms. */
interface ModelReply {
  readonly reply: string
  readonly fromMs: number
  toMs: number
  finished: boolean
}

/**
 * The pipeline of the sessions on a backend's model. Fails `invalid_config` when the model lacks a capability that the
 * options need (`details.missing`), and when it cannot decide turns and there is no detector.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (engines: S2sEngines, options: S2sOptions = {}): Effect.Effect<PipelineFactory, InvalidConfig> => {
  const agentInLoop = options.agentInLoop ?? (engines.s2s.capabilities.answers ? "off" : "answer")
  const missing = missingCapability({ ...options, agentInLoop }, engines)
  return missing === undefined
    ? Effect.succeed({
      checkSpeech: (speech) => SessionSpeech.check("VoiceBackend.createSession", speech, { s2s: engines.s2s }),
      open: (context) => open(engines, { ...options, agentInLoop }, context)
    })
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
    ...context.speech,
    sessionId: context.sessionId,
    history: context.history.map(({ role, text }) => ({ role, text })),
    answers: !agentAnswers,
    tools: tools.map(({ description, name, parameters }) => ({ name, description, parameters })),
    onIncident: context.onIncident,
    textSettings: context.textSettings,
    currentLanguage: context.currentLanguage
  }).pipe(deadline("SpeechToSpeech.open", `opening ${s2s.name}`, context.timeout))

  /** The model's replies that each reply of the conversation is made of, by epoch. */
  const modelReplies = new Map<number, ReadonlyArray<ModelReply>>()
  const replies = yield* S2sReplies.make({
    truncate: stream.truncate,
    unasked: (reply) =>
      agentAnswers ? stream.truncate(reply, 0) : context.dispatch({ _tag: "ModelReplyStarted", reply })
  })
  const turns = yield* S2sTurns.make(engines, agentAnswers, context, stream)
  const call = S2sTools.make(tools, context, stream)
  const op = "SpeechToSpeech.events"
  yield* PipelineInput.takeEvents<SpeechToSpeechEvent>(s2s.name, stream.events, {
    op,
    take: (event) => "reply" in event ? replies.take(event) : turns.take(event),
    ended: () => new PipelineError({ op, message: `${s2s.name} ended its stream`, retryable: false }),
    dispatch: context.dispatch
  })

  const inTime = (what: string) =>
    Effect.timeoutOrElse({
      duration: context.timeout,
      orElse: () =>
        Effect.fail(
          new Timeout({ op: "SpeechToSpeech.reply", message: `${what} for ${Duration.format(context.timeout)}` })
        )
    })
  const ask = (request: (id: string) => void) =>
    replies.ask(request).pipe(inTime(`${s2s.name} did not begin an answer`))

  /** Synchronous: the reply may be ended before its fiber has begun. */
  const begin = (epoch: number, reply: string): ModelReply => {
    const former = modelReplies.get(epoch) ?? []
    const fromMs = former.at(-1)?.toMs ?? 0
    const next = { reply, fromMs, toMs: fromMs, finished: false }
    modelReplies.set(epoch, [...former, next])
    return next
  }
  /** Plays a reply of the model to its end; the tool calls in it are interrupted with it. */
  const play = (
    { epoch, history, trace, turn }: ReplyRequest,
    modelReply: ModelReply
  ): Effect.Effect<void, BackendError> =>
    Effect.scopedWith((scope) =>
      Effect.gen(function*() {
        const events = replies.events(modelReply.reply)
        if (events === undefined) return
        const reached = ReplyMilestones.make(context.dispatch, epoch)
        while (true) {
          const event = yield* Queue.take(events).pipe(inTime(`${s2s.name} sent nothing more of its answer`))
          if (event._tag === "ReplyAudio") {
            if (event.pcm.length === 0 && event.text === "") continue
            reached("tts")
            modelReply.toMs += event.pcm.length * 1_000 / s2s.outputSampleRate
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
            modelReply.finished = true
            return
          }
        }
      })
    ).pipe(Effect.ensuring(Effect.sync(() => replies.forget(modelReply.reply))))
  const playWhole = (request: ReplyRequest, reply: string) => {
    const modelReply = begin(request.epoch, reply)
    return Effect.andThen(play(request, modelReply), Effect.sync(() => context.replyAudio.finish(request.epoch)))
  }

  const split = SentenceStream.make(textTransforms)
  /** Has the model speak a text: each sentence is requested while the former one is played. */
  const speak = (request: ReplyRequest, source: AgentReply.TextSource) =>
    AgentReply.run(
      context,
      request,
      source,
      split,
      (sentences) =>
        Stream.runForEach(sentences, (sentence) =>
          Effect.flatMap(
            ask((id) => stream.say(sentence, id)),
            (reply) => play(request, begin(request.epoch, reply))
          ))
    )

  const pipeline: Pipeline = {
    turnAuthority: turns.authority,
    transcriptBased: agentAnswers,
    interimTranscripts: agentAnswers && s2s.capabilities.interims,
    predictEndOfTurn: agentAnswers && turnDetector !== undefined
      ? (transcript, agentSaid) => Effect.suspend(() => turnDetector.endOfTurn({ transcript, agentSaid }))
      : undefined,
    finalize: turns.finalize,
    reply: (request) => {
      const { source } = request
      switch (source._tag) {
        case "ModelInitiated":
          return playWhole(request, source.reply)
        case "Answer":
          return agentAnswers ? speak(request, source) : Effect.flatMap(
            ask((id) =>
              source.kind === "text"
                ? stream.userText(source.transcript, id)
                : stream.commit(context.input.position, id)
            ),
            (reply) => playWhole(request, reply)
          )
        case "Text":
          if (agentAnswers) return speak(request, source)
          return s2s.capabilities.say
            ? Effect.flatMap(ask((id) => stream.say(source.text, id)), (reply) => playWhole(request, reply))
            : Effect.fail(
              new InvalidConfig({
                op: "VoiceSession.say",
                message: `${s2s.name} does not support say: it cannot speak a given text`,
                details: { missing: "say" }
              })
            )
        case "Audio":
          return Effect.void
      }
    },
    ended: (epoch, { completed, playedMs }) => {
      const parts = modelReplies.get(epoch) ?? []
      modelReplies.delete(epoch)
      for (const { finished, fromMs, reply, toMs } of parts) {
        replies.forget(reply)
        const played = completed || (finished && playedMs >= toMs && parts.length > 1)
        if (!played) stream.truncate(reply, Math.max(0, playedMs - fromMs))
      }
    }
  }
  return pipeline
})
