/** A whole server whose users connect by OpenAI's Realtime API: scripted engines, and what a client of it sends and is told. */
import { Context, Effect, Layer, type Scope } from "effect"
import type { ClientOptions } from "ws"
import * as Agent from "../../../src/agent/Agent.ts"
import { AgentRegistry } from "../../../src/agent/AgentRegistry.ts"
import * as LanguageModelAgent from "../../../src/agent/LanguageModelAgent.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import type { AuthHook } from "../../../src/hooks/AuthHook.ts"
import * as Local from "../../../src/providers/local/index.ts"
import { isRecord, type JsonRecord, parse } from "../../../src/schema/Json.ts"
import * as Server from "../../../src/server/Server.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedLanguageModel from "../../../src/testing/scripted/ScriptedLanguageModel.ts"
import { neverOverloaded } from "../../server/support.ts"
import { freePort } from "../../support/FreePort.ts"
import { connect as connectSocket, type Refusal, type TestClient } from "../LocalServer.ts"

export interface RealtimeServerOptions {
  readonly server?: object
  readonly openai?: object
  readonly session?: object
  readonly words?: ReadonlyArray<string>
  readonly answer?: (text: string) => string
  /** The answers of a language model in place of `answer`. */
  readonly model?: Parameters<typeof ScriptedLanguageModel.layer>[0]
  readonly hooks?: Layer.Layer<AuthHook>
  readonly maxConcurrentSessions?: number
}

export interface RealtimeServer {
  readonly url: string
  readonly port: number
  readonly backend: VoiceBackend["Service"]
}

export const start = Effect.fnUntraced(function*(
  options: RealtimeServerOptions = {}
): Effect.fn.Return<RealtimeServer, unknown, Scope.Scope> {
  const port = yield* freePort
  const said = options.answer ?? ((text: string) => `You said ${text}.`)
  const agent = options.model === undefined
    ? Agent.fromCallback((text) => Effect.succeed(said(text)), { name: "echo" })
    : yield* Agent.withContext(LanguageModelAgent.fromLanguageModel({ name: "echo" })).pipe(
      Effect.provide(ScriptedLanguageModel.layer(options.model))
    )
  const context = yield* Layer.build(
    Server.layer({ port, host: "127.0.0.1", ...options.server }).pipe(
      Layer.provideMerge(VoiceBackend.layerSttTts({
        agent,
        config: {
          maxConcurrentSessions: options.maxConcurrentSessions ?? 20,
          overload: neverOverloaded,
          session: options.session ?? {},
          providerConfig: { bind_address: "127.0.0.1", openai: options.openai ?? {} }
        } as never
      })),
      Layer.provide([
        Local.layer,
        ScriptedEngines.layerVad(),
        ScriptedEngines.layerStt(options.words ?? ["hello"]),
        ScriptedEngines.layerTts({ msPerCharacter: 20 }),
        AgentRegistry.layer({
          concierge: Agent.fromCallback(() => Effect.succeed("The concierge speaks."), { name: "concierge" })
        })
      ]),
      // not a service that the backend asks for: it looks whether it is there
      Layer.provide(options.hooks ?? Layer.empty)
    )
  )
  return { url: `http://127.0.0.1:${port}`, port, backend: Context.get(context, VoiceBackend) }
})

export interface RealtimeClient extends TestClient {
  readonly events: Array<JsonRecord>
  readonly send: (event: object) => void
  /** The next event of this type that has not been waited for. */
  readonly until: (type: string) => Effect.Effect<JsonRecord>
}

/** A client's socket, destroyed with the scope; fails with the server's answer if it is not upgraded. */
export const connect = Effect.fnUntraced(function*(
  server: Pick<RealtimeServer, "port">,
  query = "",
  options: {
    readonly protocols?: Array<string>
    readonly headers?: ClientOptions["headers"] & Record<string, string>
  } = {}
): Effect.fn.Return<RealtimeClient, Refusal, Scope.Scope> {
  const client = yield* connectSocket(`ws://127.0.0.1:${server.port}/v1/realtime${query}`, options)
  const events: Array<JsonRecord> = []
  return {
    ...client,
    events,
    send: (event) => client.socket.send(JSON.stringify(event)),
    until: (type) =>
      Effect.gen(function*() {
        while (true) {
          const message = yield* client.next
          const event = typeof message === "string" ? parse(message) : undefined
          if (!isRecord(event)) return yield* Effect.die(`not an event: ${String(message)}`)
          events.push(event)
          if (event["type"] === type) return event
        }
      }).pipe(
        Effect.timeoutOrElse({
          duration: "30 seconds",
          orElse: () =>
            Effect.die(`no ${type} after ${events.map((event) => JSON.stringify(event).slice(0, 200)).join("\n")}`)
        })
      )
  }
})

/** So much PCM at 24 kHz, in base64: what the scripted detector takes for speech, or silence. */
export const speech = (ms: number): string => base64(ScriptedEngines.speech(ms, 24_000))
export const silence = (ms: number): string => base64(ScriptedEngines.silence(ms, 24_000))
const base64 = (pcm: Int16Array): string => Buffer.from(pcm.buffer).toString("base64")

export const at = (value: unknown, ...path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>((inner, key) => isRecord(inner) ? inner[key] : undefined, value)
