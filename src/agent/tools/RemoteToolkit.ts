/**
 * Remote tools as a `Toolkit` of `effect/ai`, for any agent with a language model.
 *
 * @since 0.1.0
 */
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { isRecord } from "../../schema/Json.ts"
import * as ToolSchema from "../../schema/ToolSchema.ts"
import { ToolError } from "../ToolError.ts"
import type { RemoteTool, ToolSource } from "./RemoteTool.ts"
import * as RemoteToolNames from "./RemoteToolNames.ts"

/**
 * A remote tool as its toolkit has it.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyTool = Tool.Tool<string, {
  readonly parameters: typeof Schema.Unknown
  readonly success: typeof Schema.String
  readonly failure: typeof ToolError
  readonly failureMode: "error"
}>

/**
 * The tools that can be called now, with their handlers.
 *
 * @category models
 * @since 0.1.0
 */
export type RemoteToolkit = Toolkit.WithHandler<Record<string, AnyTool>>

const withoutContext: (context: Context.Context<never>) => Context.Context<never> = () => Context.empty()

const build = Effect.fnUntraced(function*(named: ReadonlyMap<string, RemoteTool>): Effect.fn.Return<RemoteToolkit> {
  const tools: Array<AnyTool> = []
  const handlers: Record<string, (params: unknown) => Effect.Effect<string, ToolError>> = Object.create(null)
  for (const [name, { call, description, parameters }] of named) {
    tools.push(
      Tool.dynamic(name, { description, parameters, success: Schema.String, failure: ToolError })
        .annotate(Tool.Strict, false)
    )
    handlers[name] = (params) =>
      isRecord(params) ? call(params) : Effect.fail(new ToolError({ message: "the input must be a JSON object" }))
  }
  const toolkit = Toolkit.make(...tools)
  return yield* toolkit.pipe(Effect.provideContext(yield* toolkit.toHandlers(handlers)))
})

/** The tools with the schemas that vendors take; those of which one is refused are left out, and told of. */
const usable = Effect.fnUntraced(function*(
  named: ReadonlyMap<string, RemoteTool>
): Effect.fn.Return<ReadonlyMap<string, RemoteTool>> {
  const tools = new Map<string, RemoteTool>()
  const refused: Array<string> = []
  for (const [name, tool] of named) {
    const parameters = ToolSchema.fit(tool.parameters)
    if (parameters === undefined) refused.push(name)
    else tools.set(name, { ...tool, parameters })
  }
  if (refused.length > 0) {
    yield* Effect.logWarning(`tools whose input no model can write are left out: ${refused.slice(0, 20).join(", ")}`)
  }
  return tools
})

/**
 * Makes the toolkit of some sources: an effect that gives the tools of the moment. Until a source changes its list, it gives
 * the same toolkit.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (sources: ReadonlyArray<ToolSource>): Effect.Effect<RemoteToolkit> => {
  const shared = new Set<string>()
  let known: { readonly lists: ReadonlyArray<ReadonlyArray<RemoteTool>>; readonly toolkit: RemoteToolkit } | undefined
  return Effect.suspend(() => {
    const lists = sources.map(({ tools }) => tools())
    if (known !== undefined && known.lists.every((list, i) => list === lists[i])) return Effect.succeed(known.toolkit)
    const named = RemoteToolNames.assign(sources.map(({ name }, i) => ({ name, tools: lists[i] ?? [] })), shared)
    return usable(named).pipe(
      // it outlives the call that asks for it first
      Effect.flatMap((tools) => Effect.updateContext(build(tools), withoutContext)),
      Effect.tap((toolkit) =>
        Effect.sync(() => {
          known = { lists, toolkit }
        })
      )
    )
  })
}
