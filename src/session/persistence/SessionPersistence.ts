/**
 * Makes the snapshots of a session, and decides when they are written to the store.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ConversationPolicy } from "../../conversation/ConversationPolicy.ts"
import type { State } from "../../conversation/ConversationState.ts"
import * as JsonBytes from "../../schema/JsonBytes.ts"
import type { Metadata, SessionConfig, Speech } from "../SessionConfig.ts"
import * as SessionSnapshot from "./SessionSnapshot.ts"
import type { StoredSession } from "./SessionStore.ts"
import * as SnapshotWriter from "./SnapshotWriter.ts"

/** The sentences of a reply that are known and stored, in bytes of JSON: 48 KiB, nearly an hour of speech. */
const MAX_PLANNED_BYTES = 49_152

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionPersistenceOptions
  extends Pick<SnapshotWriter.SnapshotWriterOptions, "onSaved" | "onTakenOver" | "onTooLarge">
{
  /** Writes to the store. Default: nothing is written. */
  readonly write: SnapshotWriter.SnapshotWriterOptions["write"] | undefined
  readonly config: SessionConfig
  readonly createdAtMs: number
  /** The session now. */
  readonly read: () => {
    readonly state: State
    readonly metadata: Metadata
    readonly policy: ConversationPolicy
    /** The registered name of the agent, where it has one. */
    readonly agent: string | undefined
    /** What it was created with, for its engines. */
    readonly speech: Speech
    /** The language that it was given later. */
    readonly changedLanguage: string | undefined
    /** The carrier's id of the call that was made, once it is known. */
    readonly callId: string | undefined
    readonly attached: boolean
    readonly seq: number
  }
  /** What has been heard of a reply (`AudioOutput.heard`). */
  readonly heard: (epoch: number) => { readonly text: string; readonly texts: number } | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionPersistence {
  /** Schedules a write, after a change that must not be lost. Synchronous. */
  readonly requestSave: () => void
  /** Schedules a write of the whole snapshot: the store has lost what was written. Synchronous. */
  readonly saveAgain: () => void
  /** Notes a sentence that a reply is going to say. Synchronous. */
  readonly planned: (epoch: number, sentence: string) => void
  /** The snapshot of the session now. */
  readonly snapshot: () => StoredSession
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { config, createdAtMs, heard, onSaved, onTakenOver, onTooLarge, read, write }: SessionPersistenceOptions
): Effect.fn.Return<SessionPersistence, never, Scope.Scope> {
  let plan: { readonly epoch: number; readonly sentences: Array<string>; bytes: number } = {
    epoch: 0,
    sentences: [],
    bytes: 0
  }
  let snapshotConfig: SessionSnapshot.SnapshotConfig | undefined
  let knownId: string | undefined
  const encodeHead = SessionSnapshot.makeHeadEncoder(() => {
    const { agent, callId, changedLanguage, metadata, policy, speech } = read()
    if (
      snapshotConfig?.metadata === metadata && snapshotConfig.policy === policy && snapshotConfig.agent === agent &&
      snapshotConfig.changedLanguage === changedLanguage && knownId === callId
    ) {
      return snapshotConfig
    }
    knownId = callId
    const { call, connectionUrl, expiresAt, inputSampleRate, pipelineType, tenant, transport, userId } = config
    snapshotConfig = {
      userId,
      transport,
      ...(tenant === undefined ? {} : { tenant }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(connectionUrl === undefined ? {} : { connectionUrl }),
      ...(call === undefined ? {} : { call: callId === undefined ? call : { ...call, id: callId } }),
      ...(inputSampleRate === undefined ? {} : { inputSampleRate }),
      ...(agent === undefined ? {} : { agent }),
      ...(pipelineType === undefined ? {} : { pipelineType }),
      ...speech,
      ...(changedLanguage === undefined ? {} : { changedLanguage }),
      metadata,
      policy,
      createdAtMs
    }
    return snapshotConfig
  })
  const head = (maxBytes?: number) => {
    const { attached, seq, state } = read()
    const epoch = state.agent._tag === "Silent" ? 0 : state.agent.reply.epoch
    const planned = plan.epoch === epoch ? plan.sentences : []
    const progress = SessionSnapshot.progressOf(state, { attached, seq, heard: heard(epoch), planned })
    return encodeHead(progress, state.history.length, maxBytes)
  }
  const writer = write === undefined ? undefined : yield* SnapshotWriter.make({
    write,
    stored: read().state.history,
    read: (maxHeadBytes) => {
      const { seq, state } = read()
      return { head: head(maxHeadBytes), history: state.history, seq, speaking: state.publishedState === "speaking" }
    },
    onSaved,
    onTakenOver,
    onTooLarge
  })
  return {
    requestSave: () => writer?.requestSave(),
    saveAgain: () => writer?.saveAgain(),
    planned: (epoch, sentence) => {
      if (plan.epoch !== epoch) plan = { epoch, sentences: [], bytes: 0 }
      plan.bytes += JsonBytes.lengthOf(sentence) + 1
      if (plan.bytes <= MAX_PLANNED_BYTES) plan.sentences.push(sentence)
    },
    snapshot: () => ({ head: head(), items: read().state.history.map(SessionSnapshot.encodeItem) })
  }
})
