/**
 * A running Pipecat bot as a speech-to-speech engine, over its WebSocket transport: protobuf frames and RTVI.
 *
 * The bot is the turn authority and keeps its own context: how an interrupted reply is truncated there depends on the bot's
 * voice. After a lost connection a new bot starts without the conversation so far. A session cannot choose the bot's
 * language, voice or key terms: the protocol has no message for them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { maxSampleRate, minSampleRate } from "../../audio/AudioFormat.ts"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { secret } from "../../schema/Secret.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { SpeechToSpeech } from "../../speech/SpeechToSpeech.ts"
import * as EnvironmentVariable from "../../wire/EnvironmentVariable.ts"
import * as VendorKey from "../../wire/VendorKey.ts"
import * as BotStart from "./BotStart.ts"
import * as BotStream from "./BotStream.ts"

const name = "pipecat"

const urlOf = (...protocols: ReadonlyArray<string>) =>
  Schema.String.check(
    Schema.isMaxLength(8_192),
    Schema.makeFilter((url: string) =>
      URL.canParse(url) && protocols.includes(new URL(url).protocol) ||
      `expected a URL of ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`, {
      toJsonSchema: () => ({ pattern: `^(${protocols.join("|")})//` })
    })
  )
const SampleRate = Schema.Int.check(Schema.isBetween({ minimum: minSampleRate, maximum: maxSampleRate }))

/**
 * Options of the engine, with defaults and limits.
 *
 * - `url`: the WebSocket URL of a running bot, such as `ws://127.0.0.1:8765`. Default: the environment variable
 *   `PIPECAT_URL`.
 * - `startUrl`: the URL that starts a bot for each session: `http://127.0.0.1:7860/start` of Pipecat's runner,
 *   `https://api.pipecat.daily.co/v1/public/NAME/start` of Pipecat Cloud. It precedes `url`.
 * - `startBody`: JSON that a started bot gets as its `body`. Default: empty.
 * - `apiKey`: for `start_url`, a secret. Default: the environment variable `PIPECAT_API_KEY`; a self-hosted runner needs
 *   none.
 * - `token`: for `url`, a secret, sent as `Authorization: Bearer`. Default: none.
 * - `inputSampleRate`: of the user's audio, in Hz; must equal the bot's `audio_in_sample_rate`. Default 16,000.
 * - `outputSampleRate`: of the bot's audio, in Hz; must equal its `audio_out_sample_rate`. Default 24,000.
 * - `readyTimeout`: how long a bot may take until `bot-ready`, starting it included; the backend's `timeout` also bounds the
 *   first one. Default 30 s, [100 ms, 2 min].
 * - `maxRetries`: how many times in a row a lost connection is retried. Default 3, [0, 10].
 *
 * @category models
 * @since 0.1.0
 */
export const PipecatOptions = Schema.Struct({
  url: Schema.optionalKey(urlOf("ws:", "wss:")),
  startUrl: Schema.optionalKey(urlOf("http:", "https:")),
  startBody: Schema.Record(Schema.String, Schema.Json).pipe(withDefault({})),
  apiKey: Schema.optionalKey(secret({ min: 1, header: true })),
  token: Schema.optionalKey(secret({ min: 1, header: true })),
  inputSampleRate: SampleRate.pipe(withDefault(16_000)),
  outputSampleRate: SampleRate.pipe(withDefault(24_000)),
  readyTimeout: boundedDuration("100 millis", "2 minutes").pipe(withDefault("30s")),
  maxRetries: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 })).pipe(withDefault(3))
}).pipe(encodeKeys({
  startUrl: "start_url",
  startBody: "start_body",
  apiKey: "api_key",
  inputSampleRate: "input_sample_rate",
  outputSampleRate: "output_sample_rate",
  readyTimeout: "ready_timeout",
  maxRetries: "max_retries"
}))

/**
 * The decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type PipecatOptions = typeof PipecatOptions.Type

const make = Effect.fnUntraced(function*(options: PipecatOptions) {
  const client = Context.make(HttpClient.HttpClient, yield* HttpClient.HttpClient)
  const apiKey = yield* VendorKey.optionalKey("pipecat", options.apiKey, "PIPECAT_API_KEY")
  const { startBody, startUrl } = options
  const url = options.url ?? (yield* EnvironmentVariable.text("PIPECAT_URL"))
  if (startUrl === undefined && (url === undefined || !/^wss?:$/.test(URL.parse(url)?.protocol ?? ""))) {
    return yield* new InvalidConfig({
      op: "EngineRegistry.layer",
      message:
        "no Pipecat bot configured: set engines.pipecat.url, engines.pipecat.start_url or the environment variable " +
        "PIPECAT_URL (a ws:// or wss:// URL)",
      details: { engine: name, missing: "PIPECAT_URL" }
    })
  }
  const address: Effect.Effect<BotStart.BotAddress, BackendError> = startUrl === undefined
    ? Effect.succeed({ url: url ?? "", token: options.token })
    : Effect.provideContext(BotStart.start({ url: startUrl, apiKey, body: startBody }), client)

  return SpeechToSpeech.of({
    name,
    inputSampleRate: options.inputSampleRate,
    outputSampleRate: options.outputSampleRate,
    capabilities: {
      turnAuthority: "remote",
      agentInLoop: false,
      answers: true,
      tools: false,
      interims: true,
      say: false
    },
    open: (session) =>
      BotStream.make({
        address,
        inputSampleRate: options.inputSampleRate,
        outputSampleRate: options.outputSampleRate,
        readyTimeout: options.readyTimeout,
        maxRetries: options.maxRetries
      }, session)
  })
})

/**
 * Provides `SpeechToSpeech` with these options and the defaults of the others.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options?: Partial<PipecatOptions>
): Layer.Layer<SpeechToSpeech, BackendError, HttpClient.HttpClient> =>
  Layer.effect(SpeechToSpeech, Effect.flatMap(EngineRegistry.complete(name, PipecatOptions, options), make))

/**
 * Registers as `pipecat`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "s2s",
  name,
  description: "A running Pipecat bot as speech-to-speech engine, over its WebSocket transport",
  options: PipecatOptions,
  layer: (options) => Layer.effect(SpeechToSpeech, make(options)).pipe(Layer.provide(FetchHttpClient.layer))
})
