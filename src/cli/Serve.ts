/**
 * `effect-voice serve`: runs the server until a signal ends it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { BackendConfig } from "../backend/config/BackendConfig.ts"
import * as ConfigDiff from "../backend/config/ConfigDiff.ts"
import { type DrainReport, VoiceBackend } from "../backend/VoiceBackend.ts"
import type { BackendError } from "../BackendError.ts"
import * as Builtin from "../builtin/index.ts"
import * as VoiceCluster from "../cluster/VoiceCluster.ts"
import { finalizeWithin } from "../Deadline.ts"
import { reloadSignals } from "../ReloadSignal.ts"
import { formatUrl, requireFreePort } from "../server/Listening.ts"
import * as Server from "../server/Server.ts"
import * as ServerConfig from "../server/ServerConfig.ts"
import * as SharedPort from "../server/SharedPort.ts"
import * as OtlpExport from "../telemetry/OtlpExport.ts"
import * as TelemetryConfig from "../telemetry/TelemetryConfig.ts"
import type { App } from "./app/App.ts"
import * as ClusterOptions from "./ClusterOptions.ts"
import * as Logs from "./Logs.ts"
import * as Output from "./Output.ts"
import * as Setup from "./Setup.ts"
import * as Parent from "./workers/Parent.ts"
import * as Worker from "./workers/Worker.ts"

/** The time limit of the finalizers after the drain; the process ends anyway. */
const RELEASE_DEADLINE = "5 seconds"

const inWords = ({ completed, durationMs, interrupted }: DrainReport): string =>
  `drained in ${(durationMs / 1000).toFixed(1)} s: ${completed} of ${completed + interrupted} sessions completed, ` +
  `${interrupted} interrupted`

/** Drains while the server still responds, and prints the result. */
const drain = (backend: VoiceBackend["Service"]) =>
  Effect.gen(function*() {
    yield* Output.note("draining; a second signal stops it at once")
    yield* backend.stop.pipe(
      Effect.flatMap((report) => Output.note(inWords(report))),
      Effect.catch(Output.failure)
    )
  })

/** Where it is. The log says before that what answers a call. */
const sayWhere = Effect.fnUntraced(
  function*({ adminUrl, url }: Server.VoiceServer["Service"]) {
    yield* Output.line(`effect-voice is listening on ${url}`)
    if (adminUrl !== undefined) {
      yield* Output.line(`metrics, documentation and the parts of the health are on ${adminUrl}`)
    }
  }
)

/** Of a worker: where it is itself. */
const sayWhichWorker = ({ index }: Worker.WorkerRole, { adminUrl, url }: Server.VoiceServer["Service"]) =>
  Output.line(
    `worker ${index}, process ${process.pid}, is at ${url}` +
      (adminUrl === undefined ? "" : `, what is for operators at ${adminUrl}`)
  )

/**
 * Runs a server until it is interrupted, then drains it and closes its resources within 5 seconds, whatever hangs.
 *
 * @category running
 * @since 0.1.0
 */
export const untilInterrupted = <R>(
  server: Layer.Layer<Server.VoiceServer | VoiceBackend, BackendError, R>,
  meanwhile: (backend: VoiceBackend["Service"]) => Effect.Effect<never>,
  onListening?: (
    server: Server.VoiceServer["Service"],
    backend: VoiceBackend["Service"]
  ) => Effect.Effect<void, never, Scope.Scope>
): Effect.Effect<never, BackendError, R> =>
  Effect.acquireUseRelease(
    Scope.make(),
    (scope) =>
      Effect.gen(function*() {
        const context = yield* Layer.buildWithScope(server, scope)
        const backend = Context.get(context, VoiceBackend)
        const listening = Context.get(context, Server.VoiceServer)
        yield* onListening === undefined
          ? sayWhere(listening)
          : Scope.provide(onListening(listening, backend), scope)
        return yield* meanwhile(backend).pipe(Effect.onInterrupt(() => drain(backend)))
      }),
    (scope) => finalizeWithin(RELEASE_DEADLINE)(Scope.close(scope, Exit.void))
  )

const reporting = Context.pick(
  Tracer.Tracer,
  References.TracerEnabled,
  References.MinimumLogLevel,
  Logger.CurrentLoggers
)

/** The application's tracer and loggers, for the server as well: a request and its session are one trace. */
const layerReporting = ({ layer }: App): Layer.Layer<never, BackendError> =>
  Layer.effectContext(Effect.map(Effect.context(), reporting)).pipe(Layer.provide(layer))

/** Runs an effect on each SIGHUP; signals that arrive while it runs count as one. */
const onHangup = (handle: Effect.Effect<void>): Effect.Effect<never> =>
  Effect.andThen(Stream.runForEach(reloadSignals, () => handle), Effect.never)

/** Reloads the config and applies the fields that can change; prints their names, never their values. */
const reload = Effect.fnUntraced(function*(
  backend: VoiceBackend["Service"],
  read: ReturnType<typeof Setup.loadConfig>,
  section: ServerConfig.ServerConfig
) {
  const next = yield* read
  const { config } = next
  const changed = yield* ConfigDiff.changedPaths(BackendConfig, yield* backend.config, config)
  const restart = yield* ConfigDiff.changedPaths(
    ServerConfig.section.schema,
    section,
    next.section,
    ServerConfig.section.name
  )
  if (changed.length > 0) yield* backend.updateConfig(config)
  yield* Output.note(
    changed.length === 0 ? "config: no changes" : `config: changed ${changed.join(", ")}; running sessions keep theirs`
  )
  if (restart.length > 0) yield* Output.note(`config: restart to apply ${restart.join(", ")}`)
})

/** Runs several processes on one port until it is interrupted; then all of them drain. */
const several = (
  options: Omit<Parent.ParentOptions, "args"> & { readonly app: App; readonly file: string | undefined }
): Effect.Effect<never, BackendError> => {
  const { app, count, file, listen: { host, port, tls } } = options
  const args = [
    "serve",
    "--host",
    host,
    "--port",
    String(port),
    ...(file === undefined ? [] : ["--config", file]),
    ...(app.file === undefined ? [] : ["--app", app.file])
  ]
  return Effect.scoped(
    Effect.gen(function*() {
      const signalAll = yield* Parent.make({ ...options, args })
      const url = formatUrl(tls === undefined ? "http" : "https", host, port)
      yield* Output.line(`effect-voice is listening on ${url}, with ${count} workers`)
      return yield* file === undefined
        ? Effect.never
        : onHangup(Effect.sync(() => signalAll("SIGHUP")))
    }).pipe(Effect.onInterrupt(() => Output.note("draining all workers; a second signal stops them at once")))
  )
}

/**
 * How many workers serve: the number asked for where the system spreads the connections of a shared port over them, else 1.
 *
 * @category accessors
 * @since 0.1.0
 */
export const workerCount = (asked: number, platform: NodeJS.Platform = process.platform): Effect.Effect<number> =>
  asked <= 1 || SharedPort.isBalanced(platform)
    ? Effect.succeed(asked)
    : Effect.as(
      Output.note("note: this system does not share a port among processes, so --workers is 1: one process serves"),
      1
    )

/**
 * Serves until it is interrupted, then drains. With a config file, SIGHUP reloads it.
 *
 * @category commands
 * @since 0.1.0
 */
export const serve = Effect.fnUntraced(function*(options: {
  readonly app: App
  readonly config: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  /** Processes that share the port. Default: 1, this one. */
  readonly workers?: number | undefined
  /** The first port of the workers' own. Default: 0, free ones. */
  readonly workerPort?: number | undefined
}) {
  const { app } = options
  const role = Worker.role(process.env)
  const listenOf = (section: ServerConfig.ServerConfig): ServerConfig.ServerConfig => ({
    ...section,
    host: options.host ?? section.host,
    port: options.port ?? section.port,
    ...(role === undefined || !section.adminPort ? {} : { adminPort: section.adminPort + role.index })
  })
  // a reload does not change the listening address
  let served: ServerConfig.ServerConfig | undefined
  const read = Setup.loadConfig(options.config, {
    app,
    defaults: Setup.serverDefaults,
    listen: (section) => served ??= listenOf(section),
    check: listenOf
  })
  const loaded = yield* read
  const { config, section } = loaded
  const listen = listenOf(section)
  const target = yield* TelemetryConfig.resolve(listen.telemetry, process.env)
  const format = yield* Logs.formatOf(process.env, process.stderr.isTTY, config.enableStructuredLogging)
  // others listen on the shared port of a worker already
  const port = yield* requireFreePort(role === undefined ? listen : Worker.ownAddress(role))
  if (listen.adminPort !== undefined) {
    yield* requireFreePort({ host: listen.host, port: listen.adminPort, setting: "server.admin_port" })
  }
  yield* Setup.fetchModels(config, app)
  const count = role === undefined ? yield* workerCount(options.workers ?? 1) : 1
  if (count > 1) {
    const { config: file, workerPort = 0 } = options
    return yield* several({ app, count, config, listen: { ...listen, port }, workerPort, file }).pipe(
      Logs.as(format),
      Effect.provideService(References.MinimumLogLevel, "Info")
    )
  }
  const listening = yield* Deferred.make<string>()
  const clusterOptions = ClusterOptions.make(
    config,
    listen,
    role,
    // a worker joins the others before it listens on their port
    role === undefined ? Deferred.await(listening) : Effect.succeed(Worker.ownUrl(role, listen))
  )
  const local = Setup.backend(loaded, app)
  const server = Server.layer({
    ...listen,
    ...(role === undefined ? {} : { ...Worker.ownAddress(role), shared: Worker.sharedPort(role, listen) }),
    providers: Builtin.providersWith(app.parts.providers)
  }).pipe(
    Layer.provideMerge(clusterOptions === undefined ? local : VoiceCluster.layer(local, clusterOptions)),
    Layer.provide(layerReporting(app)),
    // provided last, so that it exports the spans and logs of the others until their end
    Layer.provide(target === undefined ? Layer.empty : OtlpExport.layer(target, config))
  )
  const context = yield* Effect.context<Effect.Services<typeof read>>()
  return yield* untilInterrupted(
    server,
    (backend) =>
      // without a file there is nothing to reload, and SIGHUP keeps its default action
      options.config === undefined
        ? Effect.never
        : onHangup(
          reload(backend, read, section).pipe(
            Effect.catch((error) => Effect.andThen(Output.failure(error), Output.note("config: unchanged"))),
            Effect.provideContext(context)
          )
        ),
    (server) =>
      Effect.andThen(
        Deferred.succeed(listening, server.url),
        role === undefined
          ? sayWhere(server)
          : Effect.andThen(sayWhichWorker(role, server), Worker.report(role))
      )
  ).pipe(
    role === undefined ? (effect) => effect : Effect.annotateLogs({ worker: role.index }),
    Logs.as(format),
    // recoveries are logged at this level
    Effect.provideService(References.MinimumLogLevel, "Info")
  )
})
