/**
 * What is kept of an active session, and how a conversation goes on from it.
 *
 * The head of a kept session says who it is with and where it stands; its items are the history, one by one. Pure.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { PipelineError } from "../../BackendError.ts"
import { ConversationPolicy } from "../../conversation/ConversationPolicy.ts"
import type { ReplySource, State } from "../../conversation/ConversationState.ts"
import { HistoryItem } from "../../conversation/History.ts"
import * as SessionSpeech from "../../speech/SessionSpeech.ts"
import { Metadata, PipelineType, type SessionConfig, Transport } from "../SessionConfig.ts"
import type { StoredSession } from "./SessionStore.ts"

/** Who the session is with: changes seldom. */
const About = Schema.Struct({
  userId: Schema.String,
  tenant: Schema.optionalKey(Schema.String),
  expiresAt: Schema.optionalKey(Schema.Finite),
  transport: Transport,
  connectionUrl: Schema.optionalKey(Schema.String),
  agent: Schema.optionalKey(Schema.String),
  pipelineType: Schema.optionalKey(PipelineType),
  ...SessionSpeech.fields,
  metadata: Metadata,
  policy: ConversationPolicy,
  createdAtMs: Schema.Finite
})

const QuestionKind = Schema.Literals(["speech", "text"])

/** Where it stands: changes with every write. */
const Standing = Schema.Struct({
  /** Somebody has been attached. */
  attached: Schema.Boolean,
  seq: Schema.Natural,
  turn: Schema.Natural,
  /** What waits: to be said, or to be answered. */
  queue: Schema.Array(Schema.Union([
    Schema.Struct({ say: Schema.String, optional: Schema.Boolean, uninterruptible: Schema.Boolean }),
    Schema.Struct({ answer: Schema.String, kind: QuestionKind, again: Schema.Boolean })
  ])),
  /** The reply in flight: what was heard of it, and what is known of the rest. */
  reply: Schema.optionalKey(Schema.Struct({
    turn: Schema.Natural,
    atMs: Schema.Finite,
    said: Schema.String,
    rest: Schema.String,
    /** The question it answers. */
    question: Schema.optionalKey(Schema.Struct({ text: Schema.String, kind: QuestionKind }))
  }))
})

/**
 * @category models
 * @since 0.1.0
 */
export type About = typeof About.Type

/**
 * @category models
 * @since 0.1.0
 */
export type Standing = typeof Standing.Type

/**
 * The version of what is written; another is not read.
 *
 * @category constants
 * @since 0.1.0
 */
export const VERSION = 1

/**
 * Numbers of events that are left out after a recovery: those that the former process told of since its last write.
 *
 * @category constants
 * @since 0.1.0
 */
export const SEQ_SKIP = 1_000

const Head = Schema.fromJsonString(
  Schema.toCodecJson(Schema.Struct({ version: Schema.Literal(VERSION), about: About, standing: Standing }))
)
const Item = Schema.fromJsonString(Schema.toCodecJson(HistoryItem))

const encodeAbout = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(About)))

/**
 * Writes one item of the history.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeItem: (item: HistoryItem) => string = Schema.encodeSync(Item)

/**
 * Writes heads; what changes seldom is encoded once.
 *
 * @category encoding
 * @since 0.1.0
 */
export const headEncoder = (about: () => About): (standing: Standing) => string => {
  let of: About | undefined
  let text = ""
  return (standing) => {
    const current = about()
    if (current !== of) {
      of = current
      text = encodeAbout(current)
    }
    return `{"version":${VERSION},"about":${text},"standing":${JSON.stringify(standing)}}`
  }
}

/** What of the queue is kept: not a greeting, nor sound, nor what a model says by itself. */
const kept = (source: ReplySource): Standing["queue"] => {
  switch (source._tag) {
    case "Text": {
      const { optional, resumed, text, uninterruptible } = source
      return optional && resumed !== true ? [] : [{ say: text, optional, uninterruptible: uninterruptible === true }]
    }
    case "Answer": {
      const { kind, resumed, transcript } = source
      return [{ answer: transcript, kind, again: resumed === true }]
    }
    case "Audio":
    case "ModelInitiated":
      return []
  }
}

/**
 * Where a conversation stands. `heard` is what has been heard of the reply in flight and how many of its sentences as a
 * whole; `planned` are those that are known.
 *
 * @category constructors
 * @since 0.1.0
 */
export const standing = (
  state: State,
  { attached, heard, planned, seq }: {
    readonly attached: boolean
    readonly seq: number
    readonly heard: { readonly text: string; readonly texts: number } | undefined
    readonly planned: ReadonlyArray<string>
  }
): Standing => {
  const { agent } = state
  const reply = agent._tag === "Silent" ? undefined : agent.reply
  // an answer in the making stands below, as the question that it owes
  const begun = reply === undefined || reply.audibleAt !== undefined || reply.source._tag === "Answer"
  const waiting = [...(begun ? [] : [reply.source]), ...state.queue]
  const rest = planned.slice(heard?.texts ?? 0).join(" ")
  const audible = reply?.audibleAt
  return {
    attached,
    seq,
    turn: state.turn,
    queue: waiting.flatMap(kept),
    ...(reply === undefined || (audible === undefined && reply.source._tag !== "Answer") ? {} : {
      reply: {
        turn: reply.turn,
        atMs: audible ?? 0,
        said: audible === undefined ? "" : heard?.text ?? "",
        rest: audible === undefined ? "" : rest,
        ...(reply.source._tag === "Answer"
          ? { question: { text: reply.source.transcript, kind: reply.source.kind } }
          : {})
      }
    })
  }
}

/**
 * A session that goes on: what it was asked to be, and its conversation so far.
 *
 * @category models
 * @since 0.1.0
 */
export interface Past {
  readonly config: SessionConfig
  readonly createdAtMs: number
  readonly attached: boolean
  readonly seq: number
  readonly turn: number
  readonly history: ReadonlyArray<HistoryItem>
  /** What the agent says first: the rest of what it was saying, or the answer that it owes. */
  readonly queue: ReadonlyArray<ReplySource>
}

/**
 * Reads a kept session. The reply that was in flight is part of the history as far as it was heard; what is known of the
 * rest is said first, from the beginning of the sentence that was cut off, and a question that nobody had begun to answer
 * is asked again.
 *
 * Fails `pipeline_error` when it cannot be read; what it holds is never told.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = Effect.fnUntraced(
  function*({ head, items }: StoredSession): Effect.fn.Return<Past, PipelineError> {
    const unreadable = () =>
      new PipelineError({
        op: "SessionStore.read",
        message: "what was kept of the session cannot be read; it may be of another version",
        retryable: false
      })
    const { about, standing } = yield* Schema.decodeEffect(Head)(head).pipe(Effect.mapError(unreadable))
    const history = yield* Effect.forEach(items, (item) => Schema.decodeEffect(Item)(item)).pipe(
      Effect.mapError(unreadable)
    )
    const { createdAtMs, ...config } = about
    const { reply } = standing
    const said: ReadonlyArray<HistoryItem> = reply === undefined || reply.said === "" ? [] : [
      { role: "agent", turn: reply.turn, kind: "speech", text: reply.said, interrupted: true, atMs: reply.atMs }
    ]
    const next: ReadonlyArray<ReplySource> = reply === undefined
      ? []
      : reply.rest !== ""
      ? [{ _tag: "Text", text: reply.rest, optional: true, resumed: true }]
      : reply.said === "" && reply.question !== undefined
      ? [{ _tag: "Answer", transcript: reply.question.text, kind: reply.question.kind, resumed: true }]
      : []
    return {
      config,
      createdAtMs,
      attached: standing.attached,
      seq: standing.seq + SEQ_SKIP,
      turn: standing.turn,
      history: [...history, ...said],
      queue: [
        ...next,
        ...standing.queue.map((item): ReplySource =>
          "say" in item
            ? {
              _tag: "Text",
              text: item.say,
              optional: item.optional,
              uninterruptible: item.uninterruptible,
              resumed: item.optional
            }
            : { _tag: "Answer", transcript: item.answer, kind: item.kind, resumed: item.again }
        )
      ]
    }
  }
)
