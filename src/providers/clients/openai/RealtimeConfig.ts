/**
 * The section `openai` of the local provider's config: what OpenAI's clients are served.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../../schema/Defaults.ts"
import { encodeKeys } from "../../../schema/EncodedKeys.ts"
import { PipelineType } from "../../../session/SessionConfig.ts"

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(256))

/**
 * What a model is that a client names.
 *
 * - `agent`: the agent that answers. Default: the agent of the model's name; where there is none, the backend's.
 * - `pipelineType`: `s2s` passes the conversation through to the backend's speech-to-speech engine. Default: the backend's.
 *
 * @category models
 * @since 0.1.0
 */
export const RealtimeModel = Schema.Struct({
  agent: Schema.optionalKey(Name),
  pipelineType: Schema.optionalKey(PipelineType)
}).pipe(encodeKeys({ pipelineType: "pipeline_type" }))

/**
 * - `models`: models by the names that clients use, such as `gpt-realtime`. A name that is not listed is that of an agent; a name that is
 *   none either is answered by the backend's agent. Default: none.
 * - `clientSettings`: `none`: instructions and tools that a client sends are not used, only those of a client secret that was made with a
 *   key. Default: `all`.
 *
 * @category models
 * @since 0.1.0
 */
export const RealtimeConfig = Schema.Struct({
  models: Schema.Record(Name, RealtimeModel).pipe(withDefault({})),
  clientSettings: Schema.Literals(["all", "none"]).pipe(withDefault("all"))
}).pipe(encodeKeys({ clientSettings: "client_settings" }))

/**
 * @category models
 * @since 0.1.0
 */
export type RealtimeConfig = typeof RealtimeConfig.Type
