/** `effect-voice serve` on a LiveKit server, as its operator would run it. */
import { Effect, type Scope } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Server from "../../browser/Browser.ts"
import { freePort } from "../../support/FreePort.ts"
import type * as LiveKitServer from "../../support/LiveKitServer.ts"
import { whenThereIsRoom } from "../../support/Room.ts"

type Json = { readonly [key: string]: unknown }

export interface Created {
  readonly id: string
  readonly connection_url: string
  readonly token: string
}

export interface Service {
  readonly url: () => string
  readonly create: (session?: Json) => Promise<Created>
  readonly sessions: () => Promise<ReadonlyArray<{ readonly id: string; readonly state: string }>>
  /** Ends it without a word. */
  readonly kill: Effect.Effect<void>
  /** Asks it to drain. */
  readonly stop: Effect.Effect<number | null>
  readonly start: Effect.Effect<void>
}

export interface ServiceOptions {
  readonly server: LiveKitServer.LiveKitServer
  /** Of `provider_config`, beside the server and its key. */
  readonly provider?: Json
  readonly config?: Json
  readonly port?: number
}

/** Starts it; what it keeps goes with the scope. */
export const make = Effect.fnUntraced(function*(
  { config, port, provider, server }: ServiceOptions
): Effect.fn.Return<Service, never, Scope.Scope> {
  const directory = mkdtempSync(join(tmpdir(), "effect-voice-livekit-"))
  const file = join(directory, "voice.json")
  const at = port ?? (yield* freePort)
  writeFileSync(
    file,
    JSON.stringify({
      provider: "livekit",
      provider_config: { url: server.url, api_key: server.apiKey, api_secret: server.apiSecret, ...provider },
      pipeline_type: "stt_tts",
      stt_provider: "moonshine",
      tts_provider: "flite",
      vad_provider: "silero",
      store: { kind: "sqlite", path: join(directory, "sessions.sqlite") },
      server: { port: at },
      // what it sheds is tested elsewhere; here a busy machine is no reason for it
      overload: { max_lag: "1s", max_backlog: "20s" },
      ...config
    })
  )
  let running: Awaited<ReturnType<typeof Server.serve>> | undefined
  const start = Effect.promise(async () => {
    running = await Server.serve(["--config", file])
  })
  const end = (how: "stop" | "kill") =>
    Effect.promise(async () => {
      const former = running
      running = undefined
      return former === undefined ? null : await former[how]()
    })
  yield* Effect.addFinalizer(() =>
    Effect.andThen(end("kill"), Effect.sync(() => rmSync(directory, { recursive: true, force: true })))
  )
  yield* start
  const url = () => running?.url ?? ""
  return {
    url,
    create: async (session) => {
      const response = await whenThereIsRoom(() =>
        fetch(`${url()}/v1/sessions`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ user_id: "ann", transport: "webrtc", ...session })
        })
      )
      if (response.status !== 201) throw new Error(`the server answered ${response.status}: ${await response.text()}`)
      return await response.json() as Created
    },
    sessions: async () => {
      const { sessions } = await (await fetch(`${url()}/v1/sessions`)).json() as {
        readonly sessions: ReadonlyArray<{ readonly id: string; readonly state: string }>
      }
      return sessions
    },
    kill: Effect.asVoid(end("kill")),
    stop: end("stop"),
    start
  }
})
