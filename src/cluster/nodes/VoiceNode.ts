/**
 * What every node of a cluster answers to the others.
 *
 * The asking node has been checked by its signature, and its caller by that node. All that is sent is bounded.
 *
 * @since 0.1.0
 */
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"
import { BackendError } from "../../BackendError.ts"
import { ConversationPolicy } from "../../conversation/ConversationPolicy.ts"
import { HistoryItem } from "../../conversation/History.ts"
import { CallCommand } from "../../session/call/CallCommand.ts"
import { CollectedDigits, DigitCollection } from "../../session/call/DigitCollection.ts"
import { Metadata } from "../../session/SessionConfig.ts"
import { SessionEvent } from "../../session/SessionEvent.ts"
import { CheckedConfig, SessionView, ShownState } from "../sessions/SessionView.ts"
import { ControlCodec } from "./ControlCodec.ts"

/**
 * The most sessions in one answer.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_PAGE = 500

/**
 * The most bytes of sessions in one answer, in JSON. A page that would have more ends sooner.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_PAGE_BYTES = 2 * 1_024 * 1_024

/** Longer than any text that a session takes. */
const Text = Schema.String.check(Schema.isMaxLength(65_536))
const Id = Schema.String.check(Schema.isMaxLength(256))
const id = { id: Id }
const error = BackendError

const LanguageChange = Schema.Struct({
  language: Schema.String,
  engines: Schema.Array(Schema.Struct({
    kind: Schema.Literals(["stt", "tts", "s2s"]),
    engine: Schema.String,
    follows: Schema.Boolean
  }))
})

const Archived = Schema.Struct({
  dataType: Schema.Literals(["audio", "transcript", "metadata", "events"]),
  file: Schema.String,
  bytes: Schema.Finite,
  expiresAt: Schema.Finite
})

/**
 * The questions:
 *
 * - `Create`: opens a session that the asking node has checked, of this `id` where there is one. `Recover`: takes over one that nobody has.
 * - `View`, `List`, `History`, `Events`, `States`: of a session of this node, or of all. `List` ends before `bytes` of JSON, but has at
 *   least one session.
 * - `Close`, `Start`, `Stop`, `UpdateMetadata`, `UpdatePolicy`, `Control`, `Say`, `SendText`, `Interrupt`, `SetLanguage`, `Call`, `CollectDigits`: what a
 *   session can do.
 * - `Data`, `EraseData`, `EraseUser`: the archive of this node.
 *
 * @category models
 * @since 0.1.0
 */
export const VoiceNode = RpcGroup.make(
  Rpc.make("Create", { payload: { config: CheckedConfig, id: Schema.optionalKey(Id) }, success: SessionView, error }),
  Rpc.make("Recover", { payload: id, success: SessionView, error }),
  Rpc.make("View", { payload: id, success: SessionView, error }),
  Rpc.make("List", {
    payload: {
      after: Schema.optionalKey(Id),
      limit: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: MAX_PAGE })),
      bytes: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: MAX_PAGE_BYTES }))
    },
    success: Schema.Struct({ sessions: Schema.Array(SessionView), next: Schema.optionalKey(Schema.String) }),
    error
  }),
  Rpc.make("Close", { payload: id, error }),
  Rpc.make("Start", { payload: id, error }),
  Rpc.make("Stop", { payload: id, error }),
  Rpc.make("History", { payload: id, success: Schema.Array(HistoryItem), error }),
  Rpc.make("UpdateMetadata", { payload: { ...id, patch: Metadata }, success: SessionView, error }),
  Rpc.make("UpdatePolicy", { payload: { ...id, policy: ConversationPolicy }, error }),
  Rpc.make("Control", { payload: { ...id, control: ControlCodec }, error }),
  Rpc.make("Say", { payload: { ...id, text: Text, interruptible: Schema.Boolean }, error }),
  Rpc.make("SendText", { payload: { ...id, text: Text }, error }),
  Rpc.make("Interrupt", { payload: { ...id, force: Schema.Boolean }, error }),
  Rpc.make("SetLanguage", { payload: { ...id, language: Id }, success: LanguageChange, error }),
  Rpc.make("Call", { payload: { ...id, command: CallCommand }, error }),
  Rpc.make("CollectDigits", { payload: { ...id, asked: DigitCollection }, success: CollectedDigits, error }),
  Rpc.make("Events", { payload: id, success: SessionEvent, error, stream: true }),
  Rpc.make("States", { payload: id, success: ShownState, error, stream: true }),
  Rpc.make("Data", { payload: id, success: Schema.Array(Archived), error }),
  Rpc.make("EraseData", { payload: id, success: Schema.Natural, error }),
  Rpc.make("EraseUser", { payload: { userId: Id }, success: Schema.Natural, error })
)

/**
 * @category models
 * @since 0.1.0
 */
export type VoiceNodeRpcs = RpcGroup.Rpcs<typeof VoiceNode>
