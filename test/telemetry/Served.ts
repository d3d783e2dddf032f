/**
 * A server with scripted engines whose telemetry goes to a receiver, and one whole call to it.
 *
 * @since 0.1.0
 */
import { Context, Effect, Exit, Layer, Logger, Metric, Scope } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Agent from "../../src/agent/Agent.ts"
import * as Wav from "../../src/audio/Wav.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { none } from "../../src/cli/app/DefineApp.ts"
import { talk } from "../../src/cli/Talk.ts"
import * as Local from "../../src/providers/local/index.ts"
import * as Server from "../../src/server/Server.ts"
import * as OtlpExport from "../../src/telemetry/OtlpExport.ts"
import * as TelemetryConfig from "../../src/telemetry/TelemetryConfig.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"

export interface Options {
  readonly env: { readonly [name: string]: string }
  readonly config?: Partial<TelemetryConfig.TelemetryConfig>
  readonly enableTracing?: boolean
  readonly enableMetrics?: boolean
  readonly enableStructuredLogging?: boolean
}

const agent = Agent.fromCallback((text) => Effect.as(Effect.logWarning("thinking"), `You said ${text}.`))

/** The server's address, in the scope around. */
export const serve = Effect.fnUntraced(function*(options: Options) {
  const { config = {}, env, ...switches } = options
  const target = yield* TelemetryConfig.resolve(config, env)
  const wanted = { enableTracing: true, enableMetrics: true, enableStructuredLogging: true, ...switches }
  return yield* Layer.build(
    Server.layer({ port: 0 }).pipe(
      Layer.provideMerge(VoiceBackend.layerSttTts({ agent, config: wanted })),
      Layer.provide([
        Local.layer,
        ScriptedEngines.layerVad(),
        ScriptedEngines.layerStt(["hello"]),
        ScriptedEngines.layerTts()
      ]),
      Layer.provide(target === undefined ? Layer.empty : OtlpExport.layer(target, wanted)),
      Layer.provide(Logger.layer([Logger.make(() => {})]))
    )
  ).pipe(
    Effect.provideService(Metric.MetricRegistry, new Map()),
    Effect.map((context) => Context.get(context, Server.VoiceServer).url)
  )
})

const recording = Effect.acquireRelease(
  Effect.sync(() => {
    const dir = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-telemetry-"))
    Fs.writeFileSync(
      Path.join(dir, "in.wav"),
      Wav.encode(ScriptedEngines.speech(400, 8_000), { sampleRate: 8_000 })
    )
    return dir
  }),
  (dir) => Effect.sync(() => Fs.rmSync(dir, { recursive: true, force: true }))
)

/** Makes one call; returns the received samples of the answer. */
export const call = Effect.fnUntraced(function*(url: string) {
  const dir = yield* recording
  const output = Path.join(dir, "out.wav")
  yield* talk({ input: Path.join(dir, "in.wav"), output, url, json: true, config: undefined, app: none })
  const reply = Wav.parse(Fs.readFileSync(output))
  if (reply._tag !== "Success") throw reply.failure
  return reply.success.samples.filter((sample) => sample !== 0).length
}, Effect.scoped)

/** Serves, does something, and closes; how long closing took, in ms. */
export const during = <A, E, R>(options: Options, body: (url: string) => Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const result = yield* serve(options).pipe(
      Effect.provideService(Scope.Scope, scope),
      Effect.flatMap(body),
      Effect.onError(() => Scope.close(scope, Exit.void))
    )
    const from = performance.now()
    yield* Scope.close(scope, Exit.void)
    return { result, closedMs: performance.now() - from }
  })
