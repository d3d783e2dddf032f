import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Ref } from "effect"
import { FetchHttpClient } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { SessionNotFound } from "../../src/BackendError.ts"
import { Api } from "../../src/server/index.ts"
import { VoiceServer } from "../../src/server/Server.ts"
import { call, limits, Script, serve } from "./support.ts"

const request = { userId: "ada", transport: "websocket" } as const

describe("the Api value", () => {
  it.effect("makes a typed client, which fails with the contract's own errors", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      const { createFails } = yield* Script
      const client = yield* HttpApiClient.make(Api, { baseUrl: url })
      const created = yield* client.sessions.create({ payload: request })
      assert.strictEqual(created.headers.location, `/v1/sessions/${created.body.id}`)
      const [session] = (yield* client.sessions.list({ query: {} })).sessions
      assert.strictEqual(session?.userId, "ada")
      yield* client.sessions.close({ params: { id: created.body.id } })

      const missing = yield* Effect.flip(client.sessions.get({ params: { id: created.body.id } }))
      assert.instanceOf(missing, SessionNotFound)
      for (const error of [limits.rate, limits.pipeline]) {
        yield* Ref.set(createFails, error)
        const failed = yield* Effect.flip(client.sessions.create({ payload: request }))
        assert.deepStrictEqual(failed, error)
      }
    }).pipe(Effect.provide(Layer.merge(serve(), FetchHttpClient.layer))))

  it.effect("documents the codes of each status", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      const { components, paths } = (yield* call(`${url}/openapi.json`)).json
      const { responses } = paths["/v1/sessions"].post
      const codes = (status: number) => {
        const schema = responses[status].content["application/problem+json"].schema
        return (schema.anyOf ?? [schema]).map((each: { readonly $ref?: string; readonly properties?: object }) => {
          const found = each.$ref === undefined ? each : components.schemas[each.$ref.split("/").at(-1)!]
          return found.properties.code.enum[0]
        })
      }
      assert.deepStrictEqual(codes(401), ["authentication_failed"])
      assert.deepStrictEqual(codes(404), ["provider_not_found", "session_not_found"])
      assert.deepStrictEqual(codes(413), ["payload_too_large"])
      assert.deepStrictEqual(codes(504), ["connection_timeout", "timeout"])
      assert.strictEqual(responses[201].headers.location.schema.type, "string")
    }).pipe(Effect.provide(serve())))

  it.effect("refuses bodies that are not UTF-8 or not JSON, without quoting them", () =>
    Effect.gen(function*() {
      const { url } = yield* VoiceServer
      for (const bytes of [[0x22, 0xff, 0xfe, 0x22], [...Buffer.from("{\"user_id\":secret")]]) {
        const answer = yield* call(`${url}/v1/sessions`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: new Uint8Array(bytes)
        })
        assert.deepStrictEqual([answer.status, answer.json["code"]], [400, "invalid_config"])
        assert.deepStrictEqual(answer.json["details"].faults, [{ path: "", message: "expected JSON" }])
        assert.notInclude(answer.text, "secret")
      }
    }).pipe(Effect.provide(serve())))
})
