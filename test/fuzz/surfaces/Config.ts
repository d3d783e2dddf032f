import { Duration, Effect, FileSystem, Layer, Schema } from "effect"
import * as AgentRegistry from "../../../src/agent/AgentRegistry.ts"
import { BackendConfig } from "../../../src/backend/config/BackendConfig.ts"
import * as ConfigSize from "../../../src/backend/config/ConfigSize.ts"
import * as ConfigSource from "../../../src/backend/config/ConfigSource.ts"
import * as BackendProvider from "../../../src/backend/provider/BackendProvider.ts"
import { BackendRegistry } from "../../../src/backend/provider/BackendRegistry.ts"
import { InvalidConfig } from "../../../src/BackendError.ts"
import * as BuiltinAgent from "../../../src/builtin/BuiltinAgent.ts"
import * as AudioProcessor from "../../../src/hooks/AudioProcessor.ts"
import { LocalConfig } from "../../../src/providers/local/LocalConfig.ts"
import { section } from "../../../src/server/ServerConfig.ts"
import * as EngineRegistry from "../../../src/speech/EngineRegistry.ts"
import { textOf } from "../Mutate.ts"
import { CANARY, expect, type Surface, text } from "../Surface.ts"
import { expectFault } from "./Protocol.ts"

const unused = new InvalidConfig({ op: "test", message: "not built in this test" })
const engine = <Kind extends EngineRegistry.EngineKind, A>(
  kind: Kind,
  name: string,
  options: Schema.Codec<A, unknown>
): EngineRegistry.EngineLoader<Kind> => {
  const layer: Layer.Layer<EngineRegistry.EngineKinds[Kind], InvalidConfig> = Layer.unwrap(Effect.fail(unused))
  return Effect.succeed(EngineRegistry.define({ kind, name, description: name, options, layer: () => layer }))
}

const Options = Schema.Struct({
  model: Schema.optionalKey(Schema.Literals(["tiny", "base"])),
  maxSegment: Schema.optionalKey(Schema.Finite),
  apiKey: Schema.optionalKey(Schema.String.pipe(Schema.RedactedFromValue))
}).pipe(Schema.encodeKeys({ maxSegment: "max_segment", apiKey: "api_key" }))

const local = BackendProvider.make({
  name: "local",
  description: "local",
  capabilities: {
    s2s: true,
    multiUser: false,
    sessionPersistence: false,
    customAuth: false,
    customRateLimiting: false,
    maxConcurrentSessions: 0,
    minLatency: Duration.zero,
    codecs: []
  },
  config: LocalConfig,
  connect: () => Effect.fail(unused)
})

const registries = Layer.mergeAll(
  EngineRegistry.EngineRegistry.layer({
    stt: { moonshine: engine("stt", "moonshine", Options) },
    tts: { flite: engine("tts", "flite", Schema.Struct({ voice: Schema.optionalKey(Schema.String) })) },
    vad: { silero: engine("vad", "silero", Schema.Struct({})) }
  }),
  AgentRegistry.AgentRegistry.layer({ builtin: BuiltinAgent.agent }),
  AudioProcessor.ProcessorRegistry.layer({}),
  BackendRegistry.layer([local])
)

const yaml = `provider: local
pipeline_type: stt_tts
stt_provider: moonshine
tts_provider: flite
agent: builtin
engines:
  moonshine: { model: tiny, api_key: \${SECRET} }
  flite:
    voice: "\${VOICE:-slt}"
latency_target: 500ms
timeout: 30s
max_concurrent_sessions: 50
session: { resume_window: 1m30s, connect_window: 60s }
conversation:
  endpointing: { mode: fixed, silence: 300ms }
provider_config:
  bind_address: 127.0.0.1
  ice_servers:
    - urls: turn:turn.example:3478
      username: u
      credential: ${CANARY}
server:
  port: 8080
  api_keys: [ ${CANARY} ]
`
const json = JSON.stringify({
  provider: "local",
  pipeline_type: "stt_tts",
  stt_provider: "moonshine",
  tts_provider: "flite",
  engines: { moonshine: { api_key: CANARY, max_segment: 8 } },
  retry_delay: "1s",
  drain: { deadline: "20s" },
  server: { host: "127.0.0.1", api_keys: ["${SECRET}"], allowed_origins: ["https://a.example"] }
})
const cut = "\n%%%\n"
const environment = [
  `EFFECT_VOICE_SERVER__API_KEYS=${CANARY},${CANARY}`,
  "EFFECT_VOICE_MAX_CONCURRENT_SESSIONS=7",
  `EFFECT_VOICE_ENGINES__MOONSHINE__API_KEY=${CANARY}`,
  "EFFECT_VOICE_SESSION__RESUME_WINDOW=90s",
  "EFFECT_VOICE_PROVIDER_CONFIG={\"max_connections_per_session\":2}"
].join("\n")

const levels = Array.from({ length: 9 }, (_, i) => i)
/** Small files that would become enormous, or take the parser for ever: by aliases, merge keys, depth, digits and keys. */
const bombs = [
  `a0: &a0 [x, x]\n${
    levels.map((i) => `a${i + 1}: &a${i + 1} [${Array.from({ length: 9 }, () => `*a${i}`).join(", ")}]`).join("\n")
  }\n`,
  `m0: &m0 { k: v }\n${
    levels.map((i) => `m${i + 1}: &m${i + 1} { <<: *m${i}, a${i}: *m${i}, b${i}: *m${i} }`).join("\n")
  }\n`,
  `agent: ${"[".repeat(5_000)}`,
  `${Array.from({ length: 100 }, (_, i) => `${" ".repeat(i)}a:`).join("\n")} 1\n`,
  `timeout: ${"9".repeat(15_000)}\n`,
  `timeout: ${"1_".repeat(7_000)}e${"9".repeat(200)}\n`,
  `${"k".repeat(15_000)}: 1\n`,
  `? ${"{ a: ".repeat(2_000)}\n`,
  `agent: "${"\\\\".repeat(7_000)}"\n`,
  `agent: "${"${A:-".repeat(3_000)}"\n`
]

/** A file and an environment; what is before the cut is the environment. */
export const config: Surface = {
  name: "config",
  seeds: text(
    cut + yaml,
    cut + json,
    environment + cut + yaml,
    environment + cut,
    `${cut}{"server":{"api_keys":["${CANARY}"]}}`,
    `${cut}a: &x [1, *x]\nb: {<<: *x}\nc: !!binary ${CANARY}\n`,
    ...bombs.map((bomb) => cut + bomb)
  ),
  maxBytes: 16_384,
  dictionary: [
    "&a ",
    "*a",
    "<<: ",
    "? ",
    "- ",
    ": ",
    "|\n",
    ">\n",
    "!!map ",
    "%YAML 1.2\n",
    "---\n",
    "...\n",
    "\t",
    "#",
    "${",
    "}",
    "${SECRET}",
    "$${",
    ":-",
    "__PROTO__",
    "EFFECT_VOICE_",
    "__",
    "=",
    "__proto__: ",
    "{",
    "[",
    "'",
    "\"",
    "~",
    "*a, *a, *a, *a, *a, *a, *a, *a, *a, *a, ",
    "[".repeat(64),
    "{a: ".repeat(32),
    "9".repeat(199),
    " ".repeat(199),
    "0x1F",
    "1_000",
    ".inf"
  ],
  run: (input) => {
    const whole = textOf(input)
    const at = whole.indexOf(cut)
    const env: Record<string, string> = { SECRET: CANARY }
    for (const line of at === -1 ? [] : whole.slice(0, at).split("\n")) {
      const equals = line.indexOf("=")
      if (equals > 0) env[line.slice(0, equals)] = line.slice(equals + 1)
    }
    const document = new TextEncoder().encode(at === -1 ? whole : whole.slice(at + cut.length))
    const file = input.length % 3 === 0 ? "voice.json" : input.length % 3 === 1 ? "voice.yaml" : "voice"
    const exit = Effect.runSyncExit(
      ConfigSource.load({ file, env, section }).pipe(
        Effect.provide(Layer.merge(
          registries,
          FileSystem.layerNoop({ readFile: () => Effect.succeed(document) })
        ))
      )
    )
    if (exit._tag === "Failure") return expectFault(exit)
    // what is accepted is no larger than a config may be, whatever it was made of
    const { config, section: server } = exit.value
    const fault = ConfigSize.faultOf([Schema.encodeSync(BackendConfig)(config), server])
    expect(fault === undefined, () => `a config was accepted: ${fault}`)
  }
}
