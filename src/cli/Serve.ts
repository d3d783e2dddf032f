/**
 * `effect-voice serve`: the server until a signal ends it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { type DrainReport, VoiceBackend } from "../backend/VoiceBackend.ts"
import type { BackendError } from "../BackendError.ts"
import { bounded } from "../Bounded.ts"
import * as Builtin from "../builtin/index.ts"
import * as Server from "../server/Server.ts"
import { requireAuthentication, requireHook } from "../server/ServerConfig.ts"
import * as Output from "./Output.ts"
import * as Setup from "./Setup.ts"

/** Calls survive a restart of the server, without anything to install. */
const serverDefaults = { store: { kind: "sqlite" } }

/** What is left when the backend has drained, and what an engine keeps in its own finalizers: the process ends anyway. */
const RELEASE_DEADLINE = "5 seconds"

const inWords = ({ completed, durationMs, interrupted }: DrainReport): string =>
  `drained in ${(durationMs / 1000).toFixed(1)} s: ${completed} of ${completed + interrupted} sessions completed, ` +
  `${interrupted} interrupted`

/** Drains while the server still answers, and tells how it went. */
const drain = (backend: VoiceBackend["Service"]) =>
  Effect.gen(function*() {
    yield* Output.note("draining; a second signal ends it at once")
    yield* backend.stop.pipe(
      Effect.flatMap((report) => Output.note(inWords(report))),
      Effect.catch(Output.failure)
    )
  })

/**
 * Runs a server until it is interrupted, then drains it and lets go of the rest within 5 seconds, whatever hangs.
 *
 * @category running
 * @since 0.1.0
 */
export const untilInterrupted = <R>(
  server: Layer.Layer<Server.VoiceServer | VoiceBackend, BackendError, R>,
  meanwhile: (backend: VoiceBackend["Service"]) => Effect.Effect<never>
): Effect.Effect<never, BackendError, R> =>
  Effect.acquireUseRelease(
    Scope.make(),
    (scope) =>
      Effect.gen(function*() {
        const context = yield* Layer.buildWithScope(server, scope)
        const backend = Context.get(context, VoiceBackend)
        yield* Output.line(`effect-voice is listening on ${Context.get(context, Server.VoiceServer).url}`)
        return yield* meanwhile(backend).pipe(Effect.onInterrupt(() => drain(backend)))
      }),
    (scope) => bounded(RELEASE_DEADLINE)(Scope.close(scope, Exit.void))
  )

/**
 * Serves until it is interrupted, then drains.
 *
 * @category commands
 * @since 0.1.0
 */
export const serve = Effect.fnUntraced(function*(options: {
  readonly config: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
}) {
  const { config, section } = yield* Setup.loadConfig(options.config, serverDefaults)
  const listen = { ...section, host: options.host ?? section.host, port: options.port ?? section.port }
  // Nobody waits for models to hear that.
  yield* requireAuthentication(listen)
  yield* requireHook(listen, false)
  yield* Server.requireFreePort(listen)
  yield* Setup.fetchModels(config)
  const server = Server.layer({ ...listen, providers: Object.values(Builtin.providers) }).pipe(
    Layer.provideMerge(Setup.backend(Setup.besideServer(config, listen)))
  )
  return yield* untilInterrupted(server, () => Effect.never)
})
