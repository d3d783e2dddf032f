import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted } from "effect"
import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { inspect } from "node:util"
import * as BackendConfig from "../../../src/backend/config/BackendConfig.ts"
import type { ProviderHost } from "../../../src/backend/provider/BackendProvider.ts"
import type { BackendError } from "../../../src/BackendError.ts"
import { provider } from "../../../src/providers/livekit/index.ts"
import * as LiveKitConfig from "../../../src/providers/livekit/LiveKitConfig.ts"

const SECRET = "canary-secret-canary-secret-canary"

const config = (provider_config: { readonly [key: string]: unknown }) =>
  BackendConfig.decode({
    provider: "livekit",
    pipeline_type: "stt_tts",
    stt_provider: "moonshine",
    tts_provider: "flite",
    timeout: "1s",
    provider_config
  })

const host: ProviderHost = {
  signingKey: Redacted.make("key"),
  admit: () => Effect.void,
  recover: () => Effect.void
}

const withEnv = (env: { readonly [name: string]: string }) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env))

/** What answers on loopback for as long as the scope. */
const answering = (listener: RequestListener) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
      const server = createServer(listener).listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed({
          url: `ws://127.0.0.1:${port}`,
          close: () => {
            server.closeAllConnections()
            server.close()
          }
        }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

/** How a backend that begins on this address fails. */
const refused = Effect.fnUntraced(function*(url: string) {
  const error: BackendError = yield* Effect.flip(Effect.scoped(Effect.flatMap(
    config({ url, api_key: "a-key", api_secret: SECRET }),
    (config) =>
      Effect.flatMap(provider.configure(config.providerConfig), (configured) => configured.connect(config, host))
  )))
  for (const text of [JSON.stringify(error), inspect(error, { depth: 10 }), String(error)]) {
    assert.notInclude(text, SECRET)
  }
  return { error }
})

describe("LiveKitConfig", () => {
  it.effect("completes the config from environment variables", () =>
    Effect.gen(function*() {
      const { providerConfig } = yield* config({ url: "https://cloud.example/" })
      assert.deepStrictEqual({ ...providerConfig }, { url: "https://cloud.example/" })
      const server = yield* LiveKitConfig.resolveServer({
        url: "https://cloud.example/",
        roomPrefix: "voice-",
        namedRooms: false,
        webhookPath: "/livekit/webhook",
        participants: "first",
        agentName: "Agent"
      }).pipe(withEnv({ LIVEKIT_URL: "ws://other", LIVEKIT_API_KEY: "k", LIVEKIT_API_SECRET: SECRET }))
      assert.deepStrictEqual(
        [server.url, server.apiUrl, server.publicUrl, server.apiKey],
        ["wss://cloud.example", "https://cloud.example", "wss://cloud.example", "k"]
      )
      assert.strictEqual(Redacted.value(server.apiSecret), SECRET)
    }))

  it.effect("reports the missing variables", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.flatMap(config({}), provider.validateConfig)).pipe(withEnv({}))
      assert.strictEqual(error.code, "invalid_config")
      assert.strictEqual(error.details?.["missing"], "LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET")
      const some = yield* Effect.flip(Effect.flatMap(config({ url: "ws://x" }), provider.validateConfig)).pipe(
        withEnv({ LIVEKIT_API_KEY: "k" })
      )
      assert.strictEqual(some.details?.["missing"], "LIVEKIT_API_SECRET")
      const url = yield* Effect.flip(Effect.flatMap(config({}), provider.validateConfig)).pipe(
        withEnv({ LIVEKIT_URL: "tcp://x", LIVEKIT_API_KEY: "k", LIVEKIT_API_SECRET: SECRET })
      )
      assert.match(url.message, /LIVEKIT_URL/)
      const empty = yield* Effect.flip(Effect.flatMap(config({}), provider.validateConfig)).pipe(
        withEnv({ LIVEKIT_URL: "ws://x", LIVEKIT_API_KEY: "k", LIVEKIT_API_SECRET: "" })
      )
      assert.strictEqual(empty.details?.["missing"], "LIVEKIT_API_SECRET")
    }))

  it.effect("normalizes the server's URL", () =>
    Effect.gen(function*() {
      for (const url of ["WSS://Cloud.example//", " https://cloud.example "]) {
        const server = yield* LiveKitConfig.resolveServer({
          url,
          roomPrefix: "voice-",
          namedRooms: false,
          webhookPath: "/livekit/webhook",
          participants: "first",
          agentName: "Agent"
        }).pipe(withEnv({ LIVEKIT_API_KEY: "k", LIVEKIT_API_SECRET: SECRET }))
        assert.deepStrictEqual([server.url, server.apiUrl], ["wss://cloud.example", "https://cloud.example"], url)
      }
    }))

  it.effect("reports every fault with its path, without values", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.flatMap(
        config({
          url: `ws://${SECRET}@host`,
          api_secret: "",
          room_prefix: "",
          participants: "all",
          webhook_path: "no-slash",
          automatic: { rooms: [""] },
          agentName: "camel"
        }),
        provider.validateConfig
      ))
      for (
        const path of ["url", "api_secret", "room_prefix", "participants", "webhook_path", "automatic.rooms.0"]
      ) assert.include(error.message, `provider_config.${path}`)
      assert.notInclude(inspect(error, { depth: 10 }), SECRET)
    }))
})

describe("provider livekit, when it is connected", () => {
  const twirp = (status: number, code: string, msg: string): RequestListener => (_request, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ code, msg }))
  }

  it.live("tells a wrong key from a wrong secret, and asks each server once", () =>
    Effect.gen(function*() {
      let requests = 0
      const counted = (listener: RequestListener): RequestListener => (request, response) => {
        requests++
        listener(request, response)
      }
      const key = yield* answering(counted(
        twirp(401, "unauthenticated", "invalid API key: a-key, secret: ***")
      ))
      const secret = yield* answering(counted(
        twirp(401, "unauthenticated", "invalid token: go-jose/go-jose: error in cryptographic primitive")
      ))
      const wrongKey = yield* refused(key.url)
      const wrongSecret = yield* refused(secret.url)
      assert.deepStrictEqual([wrongKey.error.code, wrongSecret.error.code], [
        "authentication_failed",
        "authentication_failed"
      ])
      assert.match(wrongKey.error.message, /rejected the api_key/)
      assert.match(wrongSecret.error.message, /rejected the api_secret/)
      assert.strictEqual(requests, 2)
      assert.isFalse(wrongSecret.error.retryable)
    }).pipe(Effect.scoped))

  it.live("tells clocks that differ from a wrong secret", () =>
    Effect.gen(function*() {
      for (
        const reason of ["token is expired (exp)", "token not valid yet (nbf)", "token issued in the future (iat)"]
      ) {
        const text = `invalid token: go-jose/go-jose/jwt: validation failed, ${reason}`
        const { error } = yield* refused((yield* answering(twirp(401, "unauthenticated", text))).url)
        assert.strictEqual(error.code, "authentication_failed")
        assert.match(error.message, /clock/)
      }
    }).pipe(Effect.scoped))

  it.live("recognises a LiveKit server that rejects the request", () =>
    Effect.gen(function*() {
      const slow = yield* refused((yield* answering(twirp(408, "deadline_exceeded", "too slow"))).url)
      assert.deepStrictEqual([slow.error.code, slow.error.retryable], ["connection_timeout", true])
      const refusal = yield* refused((yield* answering(twirp(400, "invalid_argument", "names are too long"))).url)
      assert.strictEqual(refusal.error.code, "invalid_config")
      assert.include(refusal.error.message, "names are too long")
      assert.notInclude(refusal.error.message, "is not a LiveKit server")
      const before = yield* refused((yield* answering(twirp(412, "failed_precondition", "not now"))).url)
      assert.include(before.error.message, "not now")
    }).pipe(Effect.scoped))

  it.live("recognises a server that is not LiveKit", () =>
    Effect.gen(function*() {
      for (
        const listener of [
          (_request, response) => void response.writeHead(404, { "content-type": "text/html" }).end("<h1>no</h1>"),
          (_request, response) => void response.writeHead(200, { "content-type": "text/html" }).end("<h1>hi</h1>"),
          (_request, response) => void response.writeHead(200, { "content-type": "application/json" }).end("null"),
          (_request, response) => void response.writeHead(200, { "content-type": "application/json" }).end("[1]"),
          (_request, response) =>
            void response.writeHead(200, { "content-type": "application/json" }).end("{\"rooms\":[{\"sid\":{}}]}")
        ] satisfies ReadonlyArray<RequestListener>
      ) {
        const { error } = yield* refused((yield* answering(listener)).url)
        assert.strictEqual(error.code, "invalid_config")
        assert.match(error.message, /is not a LiveKit server/)
        assert.strictEqual(error.details?.["path"], "provider_config.url")
      }
    }).pipe(Effect.scoped))

  it.live("tells an unreachable server, a timeout, a failing server and an unknown host apart", () =>
    Effect.gen(function*() {
      const dead = yield* answering(() => {})
      dead.close()
      const { error } = yield* refused(dead.url)
      assert.deepStrictEqual([error.code, error.retryable, error.details?.["reason"]], [
        "connection_failed",
        true,
        "ECONNREFUSED"
      ])
      // long before the backend's own `timeout` of 30 s
      const silent = yield* refused((yield* answering(() => {})).url).pipe(Effect.timeout("20 seconds"))
      assert.strictEqual(silent.error.code, "connection_timeout")
      const failing = yield* refused((yield* answering(twirp(500, "internal", "no"))).url)
      assert.deepStrictEqual([failing.error.code, failing.error.details?.["status"]], ["connection_failed", 500])
      const unknown = yield* refused("wss://no-such-host.invalid")
      assert.strictEqual(unknown.error.code, "connection_failed")
      assert.include(unknown.error.message, "no-such-host.invalid")
    }).pipe(Effect.scoped))
})
