/**
 * A speech-to-speech model as the pipeline of a session.
 *
 * The model's replies are replies of the conversation: paced, interrupted and kept in the history like any other. With
 * `turnAuthority: "own"` the backend's voice activity detector decides turns; with `remote` the model does.
 *
 * A text-to-speech engine may be added: it speaks what the model wrote instead of speaking it, and given texts where the
 * model cannot.
 *
 * An agent may be in the loop: it answers in place of the model, which then only recognises and speaks (`answer`), or the
 * model asks it by a tool call (`tool`).
 *
 * @since 0.1.0
 */
import * as Tool from "effect/ai/Tool"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as ToolRunner from "../../agent/ToolRunner.ts"
import { InvalidConfig, PipelineError, Timeout } from "../../BackendError.ts"
import type { ReplySource } from "../../conversation/ConversationState.ts"
import { deadline } from "../../Deadline.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as EngineFailure from "../../speech/EngineFailure.ts"
import { ModelEventLimit } from "../../speech/ModelEventLimit.ts"
import * as SessionSpeech from "../../speech/SessionSpeech.ts"
import type {
  SpeechToSpeech,
  SpeechToSpeechEvent,
  SpeechToSpeechOptions,
  SpeechToSpeechStream,
  SpeechToSpeechTool
} from "../../speech/SpeechToSpeech.ts"
import * as AgentText from "../../text/AgentText.ts"
import * as AgentReply from "./AgentReply.ts"
import type { Pipeline, PipelineContext, PipelineFactory, ReplyRequest } from "./Pipeline.ts"
import * as PipelineInput from "./PipelineInput.ts"
import * as S2sCapabilities from "./S2sCapabilities.ts"
import type { S2sEngines, S2sOptions } from "./S2sOptions.ts"
import * as S2sPlayback from "./S2sPlayback.ts"
import { S2sReplies } from "./S2sReplies.ts"
import type { S2sReply } from "./S2sReply.ts"
import * as S2sTools from "./S2sTools.ts"
import * as S2sTurns from "./S2sTurns.ts"
import * as S2sVoice from "./S2sVoice.ts"
import * as SentenceStream from "./SentenceStream.ts"
import * as WrittenReply from "./WrittenReply.ts"

/** A text without it may be spoken without a sound. */
const HAS_WORD = /[\p{L}\p{N}]/u

const cannotSay = (s2s: SpeechToSpeech["Service"]) =>
  new InvalidConfig({
    op: "VoiceSession.say",
    message: `${s2s.name} does not support say: it cannot speak a given text. Configure a tts_provider`,
    details: { missing: "say" }
  })

/**
 * The pipeline of the sessions on a backend's model. Fails `invalid_config` when the model lacks a capability that the
 * options need (`details.missing`), and when it cannot decide turns and there is no detector.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (engines: S2sEngines, options: S2sOptions = {}): Effect.Effect<PipelineFactory, InvalidConfig> => {
  const { s2s: { capabilities, name }, tts, vad } = engines
  const parts = { name, capabilities, vad: vad !== undefined, tts: tts !== undefined }
  const agentInLoop = S2sCapabilities.agentInLoopOf(options, parts)
  const fault = S2sCapabilities.faultOf(options, parts)
  if (fault === undefined) {
    return Effect.succeed({
      checkSpeech: (speech) => SessionSpeech.check("VoiceBackend.createSession", speech, { s2s: engines.s2s }),
      open: (context) => open(engines, { ...options, agentInLoop }, context)
    })
  }
  const { message, missing, path } = fault
  return Effect.fail(
    new InvalidConfig({
      op: "VoiceBackend.make",
      message,
      details: { engine: name, missing, faults: [{ path, message }] }
    })
  )
}

/** Tools as the model is told them. */
const told = ({ tools }: Pick<ToolRunner.ToolRunner, "tools">): ReadonlyArray<SpeechToSpeechTool> =>
  tools.map((tool) => ({
    name: tool.name,
    description: Tool.getDescription(tool) ?? "",
    parameters: Tool.getJsonSchema(tool)
  }))

const open = Effect.fnUntraced(function*(
  engines: S2sEngines,
  { agentInLoop, textTransforms, tools: given }: S2sOptions,
  context: PipelineContext
) {
  const { s2s, tts } = engines
  const agentAnswers = agentInLoop === "answer"
  const asking = agentInLoop === "tool" ? yield* S2sTools.askAgent(context) : undefined
  const tools = [given, asking].filter((each) => each !== undefined).reduce(ToolRunner.merge, ToolRunner.none)
  const asked: SpeechToSpeechOptions = {
    ...SessionSpeech.inLanguage(s2s, context.speech, context.languages.changed()),
    sessionId: context.sessionId,
    history: context.history.map(({ role, text }) => ({ role, text })),
    answers: !agentAnswers,
    speaksText: tts !== undefined,
    tools: told(tools),
    onIncident: context.onIncident,
    textSettings: context.textSettings,
    currentLanguage: context.languages.ofVoice
  }
  const stream: SpeechToSpeechStream = yield* EngineFailure.asked(
    "SpeechToSpeech.open",
    s2s.name,
    () => s2s.open(asked)
  ).pipe(
    deadline("SpeechToSpeech.open", `opening ${s2s.name}`, context.timeout)
  )

  const splitFor = (
    capabilities: { readonly language?: string | undefined; readonly tags?: ReadonlyArray<string> | undefined }
  ) => SentenceStream.make(AgentText.make(SentenceStream.settingsOf(context, capabilities)), textTransforms)
  const split = splitFor(s2s.capabilities)
  const voice = tts === undefined ? undefined : yield* S2sVoice.open(tts, splitFor(tts.capabilities), context)
  const clock = yield* Clock.Clock
  const late = (what: string) => () =>
    new Timeout({ op: "SpeechToSpeech.reply", message: `${s2s.name} ${what} for ${Duration.format(context.timeout)}` })
  // a second more than the engine's own limit, whose error says more
  const limitMs = Duration.toMillis(context.timeout) + 1_000
  const replies = new S2sReplies({
    stream,
    engine: s2s.name,
    sampleRate: s2s.outputSampleRate,
    speaksText: voice !== undefined,
    now: () => MonotonicTime.nowMs(clock),
    answerMs: limitMs,
    lost: late("did not begin an answer"),
    stallMs: limitMs,
    stalled: late("sent nothing more of its answer"),
    tooLong: () =>
      new PipelineError({
        op: "SpeechToSpeech.reply",
        message: `${s2s.name} sent more than a reply may have: 15 min of audio`,
        details: { engine: s2s.name, reason: "too_much" },
        retryable: false
      }),
    empty: () =>
      new PipelineError({
        op: "SpeechToSpeech.reply",
        message: `${s2s.name} ended an answer without a sound`,
        retryable: true
      }),
    unasked: (reply) =>
      agentAnswers ? stream.truncate(reply, 0) : context.dispatch({ _tag: "ModelReplyStarted", reply })
  })
  const turns = yield* S2sTurns.make(engines, agentAnswers, context, stream)
  const take = (event: SpeechToSpeechEvent) => {
    if (event._tag === "RequestFailed") return turns.failed(event.request) ? undefined : replies.take(event)
    if (!("reply" in event)) return turns.take(event)
    if (event._tag === "ReplyStarted") turns.replyStarted()
    replies.take(event)
  }
  const op = "SpeechToSpeech.events"
  const limit = new ModelEventLimit(s2s.name)
  yield* PipelineInput.takeEvents<SpeechToSpeechEvent>(s2s.name, stream.events, {
    op,
    take,
    fault: (event) => limit.fault(event, MonotonicTime.nowMs(clock)),
    ended: () => new PipelineError({ op, message: `${s2s.name} ended its stream`, retryable: false }),
    dispatch: context.dispatch
  })

  let callable = tools
  const call = S2sTools.make(() => callable, context, stream)
  const play = S2sPlayback.make({ replies, sampleRate: s2s.outputSampleRate, call, voice }, context)
  const playWhole = (request: ReplyRequest, reply: S2sReply) =>
    Effect.andThen(play(request, reply), Effect.sync(() => context.replyAudio.finish(request.epoch)))
  const askToSay = ({ epoch }: ReplyRequest, text: string) =>
    replies.ask(epoch, (id) => stream.say(text, id), !HAS_WORD.test(text))

  /** Has the model speak a text: each sentence is requested while the former one is played. */
  const speak = (request: ReplyRequest, source: AgentReply.TextSource) =>
    AgentReply.run(
      context,
      request,
      source,
      split,
      ({ finished, sentences }) =>
        Stream.runForEach(
          Stream.onEnd(sentences, finished),
          (sentence) => Effect.flatMap(askToSay(request, sentence), (reply) => play(request, reply))
        )
    )
  /** Speaks a given text: by the model if it can, and by the voice if it cannot, or failed before its first sound. */
  const say = (request: ReplyRequest, source: Extract<ReplySource, { readonly _tag: "Text" }>) => {
    if (!s2s.capabilities.say) return voice === undefined ? Effect.fail(cannotSay(s2s)) : voice.reply(request, source)
    const spoken = Effect.flatMap(askToSay(request, source.text), (reply) => playWhole(request, reply))
    if (voice === undefined) return spoken
    return Effect.catch(spoken, (error) => {
      if (!replies.isUnheard(request.epoch)) return Effect.fail(error)
      context.onIncident({ engine: s2s.name, kind: "s2s", what: "failed", sessionId: context.sessionId, error })
      return voice.reply(request, source)
    })
  }
  const answer = (request: ReplyRequest, { kind, transcript }: Extract<ReplySource, { readonly _tag: "Answer" }>) =>
    Effect.flatMap(
      replies.ask(
        request.epoch,
        (id) => kind === "text" ? stream.userText(transcript, id) : stream.commit(context.input.position, id)
      ),
      (reply) => playWhole(request, reply)
    )

  const follows = (language: string) =>
    stream.setLanguage !== undefined && SessionSpeech.supportsLanguage(s2s.capabilities, language)
  const pipeline: Pipeline = {
    turnAuthority: turns.authority,
    transcriptBased: agentAnswers,
    endsTurns: s2s.capabilities.turnAuthority === "own",
    writesText: agentAnswers,
    interimTranscripts: agentAnswers && s2s.capabilities.interims,
    turnDetector: engines.turn?.name,
    hearsTurns: turns.prediction?.hearsAudio,
    predictEndOfTurn: turns.prediction?.predict,
    finalize: turns.finalize,
    enginesIn: (language) => [
      { kind: "s2s", engine: s2s.name, follows: follows(language) },
      // the session names a voice of the model, not of this engine
      ...(tts === undefined
        ? []
        : [{ kind: "tts" as const, engine: tts.name, follows: SessionSpeech.takesLanguage(tts, {}, language) }])
    ],
    setLanguage: (language) => follows(language) ? stream.setLanguage?.(language) : undefined,
    setClient: ({ instructions, toolkit }) => {
      // the agent that answers is told by its own answers
      if (agentAnswers) return true
      if (stream.setClient === undefined) return false
      const ofClient = s2s.capabilities.tools ? ToolRunner.make(toolkit) : ToolRunner.none
      callable = ToolRunner.merge(ofClient, tools)
      stream.setClient({ instructions, tools: told(ofClient) })
      return true
    },
    reply: (request) => {
      const { source } = request
      switch (source._tag) {
        case "ModelInitiated":
          // begun synchronously: the reply may be ended before its fiber runs
          return playWhole(request, replies.begin(request.epoch, source.reply))
        case "Answer":
        case "Text":
          if (agentAnswers) {
            if (context.output?.() === "text") return WrittenReply.run(context, request, source)
            return s2s.capabilities.say || voice === undefined ? speak(request, source) : voice.reply(request, source)
          }
          return source._tag === "Text" ? say(request, source) : answer(request, source)
        case "Audio":
          return Effect.void
      }
    },
    ended: (epoch, played) => replies.ended(epoch, played)
  }
  return pipeline
})
