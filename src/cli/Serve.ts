/**
 * `effect-voice serve`: the server until a signal ends it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Builtin from "../builtin/index.ts"
import * as Server from "../server/Server.ts"
import { requireAuthentication, requireHook } from "../server/ServerConfig.ts"
import * as Output from "./Output.ts"
import * as Setup from "./Setup.ts"

/** Calls survive a restart of the server, without anything to install. */
const serverDefaults = { store: { kind: "sqlite" } }

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
    Layer.provide(Setup.backend(Setup.besideServer(config, listen)))
  )
  return yield* Effect.gen(function*() {
    const { url } = yield* Server.VoiceServer
    yield* Output.line(`effect-voice is listening on ${url}`)
    return yield* Effect.never
  }).pipe(Effect.onInterrupt(() => Output.note("draining; a second signal ends it at once")), Effect.provide(server))
})
