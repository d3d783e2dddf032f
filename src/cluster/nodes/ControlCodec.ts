/**
 * What a program asks of a session (`VoiceSession.control`), as it is sent to the session's node.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const role = Schema.Literals(["user", "agent"])

const ItemReference = Schema.Union([
  Schema.Struct({ id: Schema.String }),
  Schema.Struct({ turn: Schema.Natural, role })
])

const ClientTool = Schema.Struct({
  name: Schema.String,
  description: Schema.String,
  parameters: Schema.Record(Schema.String, Schema.Json)
})

/**
 * @category models
 * @since 0.1.0
 */
export const ControlCodec = Schema.Union([
  Schema.TaggedStruct("EndTurn", {}),
  Schema.TaggedStruct("DropTurn", {}),
  Schema.TaggedStruct("Respond", { instructions: Schema.optional(Schema.String) }),
  Schema.TaggedStruct("Interrupt", {}),
  Schema.TaggedStruct("Insert", {
    id: Schema.String,
    role,
    text: Schema.String,
    after: Schema.optional(Schema.Union([ItemReference, Schema.Literal("start")]))
  }),
  Schema.TaggedStruct("Remove", { item: ItemReference }),
  Schema.TaggedStruct("Truncate", { turn: Schema.Natural, playedMs: Schema.Finite }),
  Schema.TaggedStruct("Policy", {
    change: Schema.Struct({
      turns: Schema.optional(Schema.Literals(["automatic", "manual"])),
      answers: Schema.optional(Schema.Literals(["automatic", "on_request"])),
      silenceMs: Schema.optional(Schema.Finite),
      maxSilenceMs: Schema.optional(Schema.Finite),
      interruptions: Schema.optional(Schema.Boolean),
      awayAfterMs: Schema.optional(Schema.Finite)
    })
  }),
  Schema.TaggedStruct("Output", { output: Schema.Literals(["audio", "text"]) }),
  Schema.TaggedStruct("Client", {
    settings: Schema.Struct({
      instructions: Schema.optional(Schema.String),
      tools: Schema.optional(Schema.Array(ClientTool)),
      toolChoice: Schema.optional(
        Schema.Union([Schema.Literals(["auto", "none", "required"]), Schema.Struct({ name: Schema.String })])
      )
    })
  }),
  Schema.TaggedStruct("ToolResult", { id: Schema.String, output: Schema.String })
])
