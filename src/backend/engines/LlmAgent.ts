/**
 * The agent `llm`, which answers with the language model that a config names.
 *
 * @since 0.1.0
 */
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Duration from "effect/Duration"
import * as Stream from "effect/Stream"
import type { AgentRegistry } from "../../agent/AgentRegistry.ts"
import { EngineInstructions } from "../../agent/EngineInstructions.ts"
import * as Agent from "../../agent/index.ts"
import * as TokenEstimate from "../../agent/TokenEstimate.ts"
import type { ToolSource } from "../../agent/tools/RemoteTool.ts"
import * as RemoteToolkit from "../../agent/tools/RemoteToolkit.ts"
import { isRecord } from "../../schema/Json.ts"

/**
 * The name of the agent in a config or a session.
 *
 * @category constants
 * @since 0.1.0
 */
export const NAME = "llm"

/** The engine of a config that names no `llm_provider`. */
const DEFAULT = "openai-compatible"

const USUAL_TIMEOUT: Duration.Duration = Duration.seconds(10)
const GRACE = Duration.seconds(1)

/**
 * The engine whose model answers: `llm_provider`, or the default engine where the agent is `llm` and the application has not
 * registered an agent of that name.
 *
 * @category accessors
 * @since 0.1.0
 */
export const providerOf = (
  { agent, llmProvider }: { readonly agent?: string | undefined; readonly llmProvider?: unknown },
  agents: Pick<AgentRegistry["Service"], "has">
): string | undefined =>
  typeof llmProvider === "string" ? llmProvider : agent === NAME && !agents.has(NAME) ? DEFAULT : undefined

/**
 * Makes the agent of a model. `options` are those of its engine: the instructions among them are part of each prompt. The tools
 * of `sources` are those that can be called when an answer begins.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  model: LanguageModel.LanguageModel,
  options?: unknown,
  sources: ReadonlyArray<ToolSource> = []
): Agent.Agent => {
  const agent = Agent.fromLanguageModel({
    name: NAME,
    toolkit: RemoteToolkit.make(sources),
    // a source bounds its own calls, and says so in its own words
    toolTimeout: sources.map(({ timeout }) => Duration.sum(timeout, GRACE)).reduce(
      (one, other) => Duration.max(one, other),
      USUAL_TIMEOUT
    )
  })
  const instructions = isRecord(options) ? options["instructions"] : undefined
  const tokens = typeof instructions === "string" ? TokenEstimate.ofText(instructions) : 0
  return {
    name: NAME,
    respond: (input) =>
      agent.respond(input).pipe(
        Stream.provideService(LanguageModel.LanguageModel, model),
        Stream.provideService(EngineInstructions, { tokens })
      )
  }
}
