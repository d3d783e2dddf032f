/**
 * The protocol of each client of the Realtime API: its session object, filled in from its secret, and what of its settings counts.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { InvalidConfig } from "../../../BackendError.ts"
import * as MonotonicTime from "../../../MonotonicTime.ts"
import * as OpenAiProtocol from "../../../protocols/openai/OpenAiProtocol.ts"
import * as RealtimeSession from "../../../protocols/openai/RealtimeSession.ts"
import type { Resumption } from "../../../protocols/openai/ServerEvents.ts"
import type { MakeProtocol } from "../../../transport/websocket/WebSocketProtocol.ts"
import * as FixedSettings from "./FixedSettings.ts"
import type { RealtimeConfig } from "./RealtimeConfig.ts"

/**
 * A client of a session.
 *
 * - `given`: the session object of its secret, or of its request. Default: none.
 * - `resumption`: what it can come back with, once its connection is lost. Default: it knows, or cannot.
 * - `transcribes`: it asks for a session that only writes down what is said.
 *
 * @category models
 * @since 0.1.0
 */
export interface RealtimeClient {
  readonly id: string
  readonly model: string
  readonly given?: Schema.JsonObject | undefined
  readonly resumption?: Resumption | undefined
  readonly transcribes?: boolean | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface RealtimeProtocols {
  /** The session object of a client, with all its defaults. Fails `invalid_config` for what is not valid in `given`. */
  readonly sessionOf: (client: RealtimeClient) => Effect.Effect<RealtimeSession.RealtimeSession, InvalidConfig>
  /** The protocol of a connection of this client. Fails likewise. */
  readonly make: (
    client: RealtimeClient,
    transport: "websocket" | "webrtc"
  ) => Effect.Effect<MakeProtocol, InvalidConfig>
  /** What of a session object that such a caller sends goes into a secret: all of it, if it is for `all` or from a key. */
  readonly kept: (session: Schema.JsonObject, byKey: boolean) => Schema.JsonObject
}

/**
 * - `longestMs`: how long a session lasts at most; read at each use.
 *
 * @category models
 * @since 0.1.0
 */
export interface RealtimeProtocolsOptions {
  readonly config: Pick<RealtimeConfig, "clientSettings">
  readonly longestMs: () => number
}

/** What says nothing of how the session is. */
const names: ReadonlySet<string> = new Set(["type", "model"])

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { config, longestMs }: RealtimeProtocolsOptions
): Effect.fn.Return<RealtimeProtocols> {
  const now = MonotonicTime.timestamps(yield* Clock.Clock)
  const random = yield* Random.Random

  const sessionOf: RealtimeProtocols["sessionOf"] = ({ given, id, model, transcribes }) =>
    Effect.suspend(() => {
      const session = RealtimeSession.initial(given, {
        id,
        model,
        expiresAt: Math.floor((now() + longestMs()) / 1_000),
        type: transcribes === true ? "transcription" : undefined
      })
      if (Result.isSuccess(session)) return Effect.succeed(session.success)
      const { code, message, param } = session.failure
      return Effect.fail(
        new InvalidConfig({
          op: "RealtimeProtocols.make",
          message,
          details: { reason: code, ...(param === null ? {} : { path: param }) }
        })
      )
    })

  /** Ids that no other connection has, of this session or another: some clients keep items by them across sessions. */
  const ids = (): (prefix: string) => string => {
    const part = () => random.nextIntUnsafe().toString(36).replace("-", "")
    const base = `${part()}${part()}`
    let count = 0
    return (prefix) => `${prefix}_${base}${(++count).toString(36).padStart(5, "0")}`
  }

  return {
    sessionOf,
    make: (client, transport) =>
      Effect.map(sessionOf(client), (session) => {
        const protocol = OpenAiProtocol.make({
          session,
          isGiven: session.type === "transcription" ||
            Object.keys(client.given ?? {}).some((key) => !names.has(key)),
          transport,
          resumption: client.resumption,
          newId: ids(),
          now
        })
        return config.clientSettings === "all" ? protocol : FixedSettings.make(protocol, session)
      }),
    kept: (session, byKey) => byKey || config.clientSettings === "all" ? session : FixedSettings.without(session)
  }
})
