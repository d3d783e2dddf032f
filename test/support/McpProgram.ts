/** An MCP server of `effect/ai` on standard input and output: started by tests as a program of its own. */
import { NodeRuntime, NodeStdio } from "@effect/platform-node"
import { Effect, Layer, Logger, Schema } from "effect"
import { McpProtocol, McpServer, Tool, Toolkit } from "effect/ai"

const Add = Tool.make("add", {
  description: "Adds two numbers",
  parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }),
  success: Schema.String
})
const Variables = Tool.make("variables", { description: "The names of its variables", success: Schema.String })
const Die = Tool.make("die", { description: "Ends the program", success: Schema.String })

const toolkit = Toolkit.make(Add, Variables, Die)

McpServer.layerStdio({
  name: "program",
  version: "1.0.0",
  protocols: [McpProtocol.v2025_11_25],
  registrations: McpServer.toolkit(toolkit).pipe(
    Layer.provide(toolkit.toLayer({
      add: ({ a, b }) => Effect.succeed(`${a + b}`),
      variables: () => Effect.succeed(Object.keys(process.env).sort().join(" ")),
      die: () => Effect.sync(() => process.exit(3))
    }))
  )
}).pipe(
  Layer.provide(NodeStdio.layer),
  Layer.provide(Layer.succeed(Logger.LogToStderr, true)),
  Layer.launch,
  NodeRuntime.runMain
)
