import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import type { SessionPlace } from "../../../src/backend/BackendContract.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { type BackendError, ConnectionFailed } from "../../../src/BackendError.ts"
import { VoiceServer } from "../../../src/server/Server.ts"
import * as Server from "../../../src/server/Server.ts"
import { backend, call, serve } from "../support.ts"

const create = (url: string, transport = "websocket") =>
  Effect.map(
    call(`${url}/v1/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user_id: "ada", transport })
    }),
    ({ json }) => json
  )

const located = (locate: (id: string) => Effect.Effect<SessionPlace, BackendError>, options: Server.ServerOptions) =>
  Server.layer({ port: 0, ...options }).pipe(
    Layer.provide(
      Layer.effect(
        VoiceBackend,
        Effect.map(VoiceBackend, (one) => ({
          ...one,
          locate,
          store: { secret: (_name: string, candidate: string) => Effect.succeed(candidate) } as never,
          getSession: (id: string) =>
            Effect.map(one.getSession(id), (session) => ({
              ...session,
              state: { get: Effect.succeed("detached" as const), changes: Stream.empty }
            }))
        }))
      ).pipe(Layer.provide(backend))
    )
  )

describe("the list of sessions", () => {
  it.live("comes in pages of the order of ids, or whole", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      for (let i = 0; i < 12; i++) yield* create(url)
      const all = ["s1", "s10", "s11", "s12", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"]
      const list = (query: string) => Effect.map(call(`${url}/v1/sessions${query}`), ({ json }) => json)
      const idsOf = (page: { readonly [key: string]: unknown }) =>
        (page["sessions"] as ReadonlyArray<{ readonly id: string }>).map(({ id }) => id)

      const whole = yield* list("")
      assert.deepStrictEqual([idsOf(whole).length, whole["next"]], [12, undefined])
      const seen: Array<string> = []
      let query: string | undefined = "?limit=5"
      while (query !== undefined) {
        const page: { readonly [key: string]: unknown } = yield* list(query)
        assert.isAtMost(idsOf(page).length, 5)
        seen.push(...idsOf(page))
        query = page["next"] === undefined ? undefined : `?limit=5&after=${String(page["next"])}`
      }
      assert.deepStrictEqual(seen, all)
      assert.deepStrictEqual(idsOf(yield* list("?after=s8")), ["s9"])
      assert.deepStrictEqual(idsOf(yield* list("?limit=3&after=zzz")), [])
    }).pipe(Effect.provide(serve())))

  it.live("refuses a page of no size, or of no end", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      for (const query of ["limit=0", "limit=1001", "limit=-1", "limit=1.5", "limit=x", `after=${"a".repeat(300)}`]) {
        const { json, status } = yield* call(`${url}/v1/sessions?${query}`)
        assert.deepStrictEqual([status, json["code"]], [400, "invalid_config"], query)
        assert.deepStrictEqual(json["details"]["faults"].map((fault: { readonly path: string }) => fault.path), [
          query.split("=")[0]
        ])
      }
    }).pipe(Effect.provide(serve())))
})

describe("the connection_url of a session", () => {
  it.live("names the node that has it, where clients reach exactly that", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      assert.strictEqual(
        (yield* create(`${url}/voice`))["connection_url"],
        "wss://n1.example/at/v1/sessions/s1/audio"
      )
    }).pipe(Effect.provide(
      located(() => Effect.succeed({ _tag: "Here", nodeUrl: "https://n1.example/at/" }), { prefix: "/voice" })
    )))

  it.live("is that of another node as well", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      assert.strictEqual((yield* create(url))["connection_url"], "ws://n2.example:81/v1/sessions/s1/audio")
    }).pipe(Effect.provide(
      located(
        () => Effect.succeed({ _tag: "There", address: "http://10.0.0.2:8080", nodeUrl: "http://n2.example:81" }),
        { publicUrl: "http://localhost:99" }
      )
    )))

  it.live("is the general one where the node has none, or cannot be found out", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      for (const id of ["s1", "s2"]) {
        assert.strictEqual((yield* create(url))["connection_url"], `ws://localhost:99/v1/sessions/${id}/audio`)
      }
    }).pipe(Effect.provide(
      located(
        (id) =>
          id === "s1"
            ? Effect.succeed({ _tag: "There", address: "http://10.0.0.2:8080" })
            : Effect.fail(new ConnectionFailed({ op: "test", message: "the store is away" })),
        { publicUrl: "http://localhost:99" }
      )
    )))

  it.live("shows a session that nobody has as detached", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      yield* create(url)
      assert.strictEqual((yield* call(`${url}/v1/sessions/s1`)).json["state"], "detached")
    }).pipe(Effect.provide(located(() => Effect.succeed({ _tag: "Nobody" }), {}))))
})
