/**
 * Tools that are requests over HTTP, for any agent with a language model: what `tools` and `openapi` are in a config.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import type * as Scope from "effect/Scope"
import type { HttpToolOptions } from "../../agent/tools/HttpToolOptions.ts"
import type { OpenApiOptions } from "../../agent/tools/OpenApiOptions.ts"
import type { ToolSource } from "../../agent/tools/RemoteTool.ts"
import * as HttpToolCall from "./HttpToolCall.ts"
import * as OpenApiSource from "./OpenApiSource.ts"

/**
 * Makes the tools of definitions, on `fetch`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (tools: ReadonlyArray<HttpToolOptions>): Effect.Effect<ToolSource> =>
  Effect.map(HttpClient.HttpClient, (client): ToolSource => {
    const made = tools.map((tool) => HttpToolCall.make(tool, client))
    return {
      name: "http",
      tools: () => made,
      timeout: tools.reduce((longest, { timeout }) => Duration.max(longest, timeout), Duration.zero)
    }
  }).pipe(Effect.provide(FetchHttpClient.layer))

/**
 * Makes the tools of APIs of which there are OpenAPI documents, on `fetch`, in the current scope. An API whose document cannot be
 * read has no tools until it can.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openApi = (
  apis: ReadonlyArray<OpenApiOptions>
): Effect.Effect<ReadonlyArray<ToolSource>, never, Scope.Scope> =>
  Effect.flatMap(
    HttpClient.HttpClient,
    (client) => Effect.forEach(apis, (api) => OpenApiSource.make(api, client), { concurrency: "unbounded" })
  ).pipe(Effect.provide(FetchHttpClient.layer))
