/** The tools of one MCP server, as a test asks for them. */
import { Effect, Logger, Schema } from "effect"
import { McpServerOptions } from "../../src/agent/tools/McpServerOptions.ts"
import type { ToolSource } from "../../src/agent/tools/RemoteTool.ts"
import * as Mcp from "../../src/tools/mcp/index.ts"

type Input = { readonly [key: string]: unknown }

export const connect = (given: Omit<typeof McpServerOptions.Encoded, "name"> & { readonly name?: string }) =>
  Effect.map(Mcp.connect([Schema.decodeSync(McpServerOptions)({ name: "it", ...given })]), ([source]) => source!)

export const names = (source: ToolSource) => source.tools().map(({ name }) => name)

export const call = (source: ToolSource, name: string, input: Input = {}) =>
  Effect.suspend(() => source.tools().find((tool) => tool.name === name)!.call(input))

/** The words with which a call fails. */
export const words = (source: ToolSource, name: string, input: Input = {}) =>
  Effect.map(Effect.flip(call(source, name, input)), ({ message }) => message)

/** Waits until something is so; what it waits for is an event of another process or socket. */
export const until = (isSo: () => boolean) =>
  Effect.gen(function*() {
    while (!isSo()) yield* Effect.sleep("10 millis")
  }).pipe(Effect.timeout("20 seconds"))

export const healthOf = (source: ToolSource) =>
  Effect.match(source.health!.probe, { onFailure: ({ message }) => message, onSuccess: () => "healthy" })

/** The lines of the log, as they were written. */
export const withLog = <A, E, R>(use: (lines: Array<string>) => Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(JSON.stringify(message)))
    return Effect.provide(use(lines), Logger.layer([logger]))
  })

/** A program of Node. */
export const program = (...flags: ReadonlyArray<string>) => ({
  command: process.execPath,
  args: ["--disable-warning=ExperimentalWarning", ...flags]
})
