import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Schema from "effect/Schema"
import { type ProviderRoute, speaking } from "../../src/backend/provider/BackendProvider.ts"
import * as Protocols from "../../src/server/Protocols.ts"
import { ServerConfig } from "../../src/server/ServerConfig.ts"

const route = (path: HttpRouter.PathInput): HttpRouter.Route<never, never> =>
  HttpRouter.route("GET", path, HttpServerResponse.empty())
const webhook: ProviderRoute = route("/telephony/main/answer")
const routes: ReadonlyArray<ProviderRoute> = [
  speaking("native", route("/v1/sessions/:id/audio")),
  speaking("twilio", route("/telephony/main/media")),
  speaking("openai", route("/v1/realtime")),
  webhook
]
const pathsOf = (protocols: ReadonlyArray<string> | undefined, isPublic = false) =>
  Effect.map(Protocols.served(routes, protocols, isPublic), (served) => served.map(({ path }) => path))

describe("server.protocols", () => {
  it("can list every protocol of a carrier", () => {
    const listed = Schema.decodeUnknownSync(ServerConfig)({
      protocols: [
        "native",
        "openai",
        "rtvi",
        "pipecat",
        "twilio",
        "signalwire",
        "telnyx",
        "plivo",
        "exotel",
        "vonage",
        "asterisk"
      ]
    })
    assert.lengthOf(listed.protocols ?? [], 11)
    assert.throws(() => Schema.decodeUnknownSync(ServerConfig)({ protocols: ["carrier-pigeon"] }))
  })

  it.effect("serves everything that the provider has, where none is listed", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* pathsOf(undefined), routes.map(({ path }) => path))
    }))

  it.effect("does not serve what the provider only offers, where others than this machine reach the server and it is not listed", () =>
    Effect.gen(function*() {
      assert.notInclude(yield* pathsOf(undefined, true), "/v1/realtime")
      assert.include(yield* pathsOf(["native", "twilio", "openai"], true), "/v1/realtime")
      assert.notInclude(yield* pathsOf(["native", "twilio"]), "/v1/realtime")
    }))

  it.effect("refuses a list with a protocol that the provider does not serve", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(pathsOf(["native", "twilio", "rtvi"]))
      assert.strictEqual(error.code, "invalid_config")
      assert.include(error.message, "server.protocols lists rtvi")
    }))

  it.effect("serves those that are listed, and what is of no protocol", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* pathsOf(["twilio"]), ["/telephony/main/media", "/telephony/main/answer"])
    }))

  it.effect("refuses a list without a protocol that the provider's config names", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(pathsOf(["native", "vonage"]))
      assert.strictEqual(error.code, "invalid_config")
      assert.include(error.message, "server.protocols does not list twilio")
    }))
})
