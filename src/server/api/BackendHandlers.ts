/**
 * The API's handlers for the backend as a whole: providers and health.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type { BackendProvider, ProviderCapabilities } from "../../backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../backend/VoiceBackend.ts"
import * as Principal from "../access/Principal.ts"
import { Api } from "./Api.ts"

/**
 * A provider as it is listed.
 *
 * @category models
 * @since 0.1.0
 */
export type ProviderInfo = Pick<BackendProvider["Service"], "name" | "description" | "capabilities">

const capabilitiesOf = ({ minLatency, ...rest }: ProviderCapabilities) => ({
  ...rest,
  minLatencyMs: Duration.toMillis(minLatency)
})

/**
 * The handlers of the group `backend`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (providers: ReadonlyArray<ProviderInfo>) =>
  HttpApiBuilder.group(
    Api,
    "backend",
    Effect.fnUntraced(function*(handlers) {
      const backend = yield* VoiceBackend
      const active = backend.provider
      const known: ReadonlyArray<ProviderInfo> = providers.some(({ name }) => name === active.name)
        ? providers
        : [{ description: "", ...active }, ...providers]
      return handlers.handleAll({
        providers: Effect.fnUntraced(function*() {
          yield* Principal.authorize(backend, "backend.read")
          const { agent, pipelineType } = yield* backend.config
          return {
            active: {
              provider: active.name,
              pipelineType,
              ...(agent === undefined ? {} : { agent }),
              engines: backend.engines
            },
            providers: known.map(({ capabilities, description, name }) => ({
              name,
              description,
              active: name === active.name,
              capabilities: capabilitiesOf(capabilities)
            }))
          }
        }),
        live: () => Effect.succeed({ status: "alive" as const }),
        ready: Effect.fnUntraced(function*() {
          const { parts, status } = yield* backend.healthCheck
          const accepting = yield* backend.ready
          const ready = accepting && status !== "unhealthy"
          const details = yield* Principal.ReadsOperations
          if (ready) return { status, ready, ...(details ? { parts } : {}) }
          const reason = accepting
            ? "unhealthy"
            : "no new sessions are accepted: the backend is draining or stopped, or has not joined its cluster yet"
          return yield* Effect.fail({ status, ready, ...(details ? { reason, parts } : {}) })
        })
      })
    })
  )
