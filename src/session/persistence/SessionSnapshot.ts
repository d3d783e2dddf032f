/**
 * The snapshot of an active session, and how a conversation is restored from it. Pure.
 *
 * The head of a snapshot holds the session's configuration and its progress; the items are the history, one by one.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { PipelineError } from "../../BackendError.ts"
import { ConversationPolicy } from "../../conversation/ConversationPolicy.ts"
import type { ReplySource, State } from "../../conversation/ConversationState.ts"
import * as History from "../../conversation/History.ts"
import * as Faults from "../../schema/Faults.ts"
import * as JsonBytes from "../../schema/JsonBytes.ts"
import * as SessionSpeech from "../../speech/SessionSpeech.ts"
import { Language } from "../../speech/TextSettings.ts"
import { CallDetails } from "../call/CallDetails.ts"
import { Metadata, PipelineType, type SessionConfig, Transport } from "../SessionConfig.ts"
import { MAX_HEAD_BYTES, MAX_ITEM_BYTES, type SnapshotDamage, type StoredSession } from "./SessionStore.ts"
import * as SnapshotVersions from "./SnapshotVersions.ts"

const { VERSION } = SnapshotVersions
const op = "SessionStore.read"
/** How many faults of an unreadable snapshot are logged. */
const MAX_FAULTS_TOLD = 5

/** The session's configuration: changes seldom. */
const SnapshotConfig = Schema.Struct({
  userId: Schema.String,
  tenant: Schema.optionalKey(Schema.String),
  expiresAt: Schema.optionalKey(Schema.Finite),
  transport: Transport,
  connectionUrl: Schema.optionalKey(Schema.String),
  agent: Schema.optionalKey(Schema.String),
  pipelineType: Schema.optionalKey(PipelineType),
  ...SessionSpeech.fields,
  /** The language that it was given after its creation; an engine may not have it. */
  changedLanguage: Schema.optionalKey(Language),
  call: Schema.optionalKey(CallDetails),
  inputSampleRate: Schema.optionalKey(Schema.Finite),
  metadata: Metadata,
  policy: ConversationPolicy,
  createdAtMs: Schema.Finite
})

/** No session has so many events; what is more would not be a number that grows by one. */
const MAX_SEQ = 2 ** 50

const QuestionKind = Schema.Literals(["speech", "text"])

/** The progress of the conversation: changes with every write. */
const SnapshotProgress = Schema.Struct({
  /** Whether there has been a connection. */
  attached: Schema.Boolean,
  seq: Schema.Natural.check(Schema.isLessThanOrEqualTo(MAX_SEQ)),
  turn: Schema.Natural,
  /** Utterances to say, and typed turns to answer. */
  queue: Schema.Array(Schema.Union([
    Schema.Struct({ say: Schema.String, optional: Schema.Boolean, uninterruptible: Schema.Boolean }),
    Schema.Struct({ answer: Schema.String, kind: QuestionKind, again: Schema.Boolean })
  ])),
  /** The reply in flight: the words that were heard, and the sentences that are known of the rest. */
  reply: Schema.optionalKey(Schema.Struct({
    turn: Schema.Natural,
    atMs: Schema.Finite,
    said: Schema.String,
    rest: Schema.String,
    /** The question that it answers. */
    question: Schema.optionalKey(Schema.Struct({ text: Schema.String, kind: QuestionKind }))
  }))
})

/**
 * @category models
 * @since 0.1.0
 */
export type SnapshotConfig = typeof SnapshotConfig.Type

/**
 * @category models
 * @since 0.1.0
 */
export type SnapshotProgress = typeof SnapshotProgress.Type

/**
 * Event numbers that are skipped after a restore: the former process may have used them since its last write.
 *
 * @category constants
 * @since 0.1.0
 */
export const SEQ_SKIP = 1_000

const Head = Schema.toCodecJson(Schema.Struct({
  about: SnapshotConfig,
  standing: SnapshotProgress,
  /** How many items belong to the head. Heads of version 1 do not say. */
  items: Schema.optionalKey(Schema.Natural)
}))
const Item = Schema.fromJsonString(Schema.toCodecJson(History.HistoryItem))

const encodeConfig = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(SnapshotConfig)))

const encodeWholeItem = Schema.encodeSync(Item)

/**
 * Encodes one item of the history in at most so many bytes: a text that is too long is cut, with its mark.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeItemWithin = (item: History.HistoryItem, maxBytes: number): string => {
  const whole = encodeWholeItem(item)
  // a character takes at most 3 bytes of UTF-8
  if (whole.length * 3 <= maxBytes) return whole
  const excess = Buffer.byteLength(whole) - maxBytes
  return excess <= 0
    ? whole
    : encodeWholeItem({ ...item, text: JsonBytes.cut(item.text, JsonBytes.lengthOf(item.text) - excess) })
}

/**
 * Encodes one item of the history in at most `MAX_ITEM_BYTES`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeItem = (item: History.HistoryItem): string => encodeItemWithin(item, MAX_ITEM_BYTES)

/**
 * What of a conversation's progress is stored where all of it takes too many bytes: first without what is known of the rest of
 * the reply, then with fewer of the utterances that wait.
 */
const shrink = (standing: SnapshotProgress): SnapshotProgress | undefined => {
  const { queue, reply } = standing
  if (reply !== undefined && reply.rest !== "") return { ...standing, reply: { ...reply, rest: "" } }
  if (queue.length > 0) return { ...standing, queue: queue.slice(0, Math.floor(queue.length / 2)) }
  return undefined
}

/**
 * Makes an encoder of heads, which encodes the configuration only when it changes. It takes the progress, how many items the
 * history has, and how many bytes the head may take; one whose configuration alone takes more is not shortened.
 *
 * @category encoding
 * @since 0.1.0
 */
export const makeHeadEncoder = (
  about: () => SnapshotConfig
): (standing: SnapshotProgress, items?: number, maxBytes?: number) => string => {
  let of: SnapshotConfig | undefined
  let text = ""
  return (standing, items, maxBytes = MAX_HEAD_BYTES) => {
    const current = about()
    if (current !== of) {
      of = current
      text = encodeConfig(current)
    }
    const count = items === undefined ? "" : `,"items":${items}`
    for (let kept: SnapshotProgress | undefined = standing;;) {
      const head = `{"version":${VERSION},"about":${text},"standing":${JSON.stringify(kept)}${count}}`
      if (head.length * 3 <= maxBytes || Buffer.byteLength(head) <= maxBytes) return head
      kept = shrink(kept)
      if (kept === undefined) return head
    }
  }
}

/** What of the queue is stored: not a greeting, nor audio, nor a reply that a model began. */
const storedSources = (source: ReplySource): SnapshotProgress["queue"] => {
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
 * The progress of a conversation. `heard` is what has been heard of the reply in flight, and how many of its sentences as a
 * whole; `planned` are the sentences of it that are known.
 *
 * @category constructors
 * @since 0.1.0
 */
export const progressOf = (
  state: State,
  { attached, heard, planned, seq }: {
    readonly attached: boolean
    readonly seq: number
    readonly heard: { readonly text: string; readonly texts: number } | undefined
    readonly planned: ReadonlyArray<string>
  }
): SnapshotProgress => {
  const { agent } = state
  const reply = agent._tag === "Silent" ? undefined : agent.reply
  // an answer that is not audible yet is stored below, as its question
  const begun = reply === undefined || reply.audibleAt !== undefined || reply.source._tag === "Answer"
  const waiting = [...(begun ? [] : [reply.source]), ...state.queue]
  const rest = planned.slice(heard?.texts ?? 0).join(" ")
  const audible = reply?.audibleAt
  return {
    attached,
    seq,
    turn: state.turn,
    queue: waiting.flatMap(storedSources),
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
 * A session that is restored: its configuration, and its conversation so far.
 *
 * @category models
 * @since 0.1.0
 */
export interface RestoredSession {
  readonly config: SessionConfig
  /** The language that it was given after its creation. */
  readonly changedLanguage?: string | undefined
  readonly createdAtMs: number
  readonly attached: boolean
  readonly seq: number
  readonly turn: number
  readonly history: ReadonlyArray<History.HistoryItem>
  /** What the agent says first: the rest of what it was saying, or the answer that it had not begun. */
  readonly queue: ReadonlyArray<ReplySource>
  /** What of the history was lost, or did not belong to it and was left out. */
  readonly damage?: SnapshotDamage | undefined
}

/**
 * The latest timestamp that is known of a session: those that follow must not be earlier, also when this process's wall clock
 * is behind. `-Infinity` for a new session.
 *
 * @category accessors
 * @since 0.1.0
 */
export const lastTimestamp = (restored: RestoredSession | undefined): number =>
  restored === undefined
    ? Number.NEGATIVE_INFINITY
    : restored.history.reduce((latest, { atMs }) => Math.max(latest, atMs), restored.createdAtMs)

const decodeHead = Schema.decodeUnknownEffect(Head)
const decodeItem = Schema.decodeUnknownEffect(Item)

const newerVersion = (version: number) =>
  new PipelineError({
    op,
    message: `the session's snapshot has the newer version ${version}; this release reads up to ${VERSION}`,
    // a process of the newer release can read it
    retryable: true,
    details: { reason: "newer_version", version, supported: VERSION }
  })

/** `why` names places and kinds, never values; it is for the log. */
const unreadable = (why: string) =>
  new PipelineError({
    op,
    message: "the session's snapshot cannot be decoded; it is damaged, or another version wrote it",
    retryable: false,
    details: { reason: "unreadable_snapshot" },
    cause: why
  })

const faultsOf = (schema: Schema.Constraint, at: string) => (error: Schema.SchemaError): PipelineError => {
  const faults = Faults.fromSchemaError(schema, error, [at])
  const told = faults.slice(0, MAX_FAULTS_TOLD).map(({ message, path }) => `${path}: ${message}`)
  return unreadable(
    told.join("; ") + (faults.length > MAX_FAULTS_TOLD ? `; and ${faults.length - MAX_FAULTS_TOLD} more` : "")
  )
}

/** The items that belong to a head with this count, and what is wrong with them. */
const itemsOf = (
  items: ReadonlyArray<string>,
  count: number = items.length
): { readonly items: ReadonlyArray<string>; readonly damage?: SnapshotDamage } =>
  items.length === count ? { items } : {
    items: items.slice(0, count),
    damage: { missing: Math.max(0, count - items.length), surplus: Math.max(0, items.length - count) }
  }

/**
 * Decodes a snapshot of this or a former version. The reply that was in flight is part of the history as far as it was heard;
 * what is known of the rest is said first, from the beginning of the sentence that was cut off, and a question without an
 * audible answer is asked again.
 *
 * Fails `pipeline_error` with `details.reason`: `newer_version` for one that a newer release wrote, `unreadable_snapshot` for
 * any other that cannot be decoded; its cause says why. The error never contains the snapshot's content.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = Effect.fnUntraced(
  function*(stored: StoredSession): Effect.fn.Return<RestoredSession, PipelineError> {
    const migrated = SnapshotVersions.migrate(stored.head)
    if (migrated._tag === "Newer") return yield* newerVersion(migrated.version)
    if (migrated._tag === "Unreadable") return yield* unreadable(migrated.why)
    const head = yield* decodeHead(migrated.head).pipe(Effect.mapError(faultsOf(Head, "head")))
    const { about, standing } = head
    const { damage, items } = itemsOf(stored.items, head.items)
    const history = yield* Effect.forEach(
      items,
      (item, index) => Effect.mapError(decodeItem(item), faultsOf(Item, `items.${index}`))
    )
    return { ...restore(about, standing, history), ...(damage === undefined ? {} : { damage }) }
  }
)

const restore = (
  { changedLanguage, createdAtMs, ...config }: SnapshotConfig,
  standing: SnapshotProgress,
  history: ReadonlyArray<History.HistoryItem>
): RestoredSession => {
  const { reply } = standing
  const said: ReadonlyArray<History.HistoryItem> = reply === undefined || reply.said === "" ? [] : [{
    role: "agent",
    turn: reply.turn,
    kind: "speech",
    text: History.cutText(reply.said),
    interrupted: true,
    atMs: reply.atMs
  }]
  const next: ReadonlyArray<ReplySource> = reply === undefined
    ? []
    : reply.rest !== ""
    ? [{ _tag: "Text", text: reply.rest, optional: true, resumed: true }]
    : reply.said === "" && reply.question !== undefined
    ? [{ _tag: "Answer", transcript: reply.question.text, kind: reply.question.kind, resumed: true }]
    : []
  return {
    config,
    changedLanguage,
    createdAtMs,
    attached: standing.attached,
    seq: standing.seq + SEQ_SKIP,
    turn: standing.turn,
    history: History.limit([...history, ...said]),
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
