/** The webhook behind a real HTTP server on loopback, signed as LiveKit signs. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import * as rtc from "@livekit/rtc-node"
import { Arbitrary, Context, Effect, Layer, Redacted, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import * as sdk from "livekit-server-sdk"
import { AccessToken } from "livekit-server-sdk"
import { createHash } from "node:crypto"
import { createServer } from "node:http"
import * as Webhook from "../../../src/providers/livekit/Webhook.ts"

const SECRET = "canary-secret-canary-secret-canary"

const start = Effect.gen(function*() {
  const events: Array<string> = []
  const route = Webhook.make({
    packages: { rtc, sdk },
    path: "/livekit/webhook",
    onEvent: ({ event, room }) => void events.push(`${event} ${room?.name}`),
    server: { url: "ws://x", apiUrl: "http://x", publicUrl: "ws://x", apiKey: "key", apiSecret: Redacted.make(SECRET) }
  })
  const context = yield* Layer.build(
    HttpRouter.serve(HttpRouter.addAll([route]), { disableListenLog: true, disableLogger: true }).pipe(
      Layer.provideMerge(
        NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1", gracefulShutdownTimeout: "1 second" })
      )
    )
  )
  const { address } = Context.get(context, HttpServer.HttpServer)
  const port = address._tag === "UnixPathAddress" ? 0 : address.port
  const post = (body: string | Uint8Array<ArrayBuffer>, authorization?: string) =>
    Effect.promise(async () => {
      const response = await fetch(`http://127.0.0.1:${port}/livekit/webhook`, {
        method: "POST",
        headers: authorization === undefined ? {} : { authorization },
        body
      })
      return { status: response.status, type: response.headers.get("content-type"), text: await response.text() }
    })
  return { events, post }
})

const sign = (body: string | Uint8Array, { key = "key", secret = SECRET, ttl = 60 } = {}) =>
  Effect.promise(() => {
    const token = new AccessToken(key, secret, { ttl })
    token.sha256 = createHash("sha256").update(body).digest("base64")
    return token.toJwt()
  })

const joined = JSON.stringify({ event: "participant_joined", room: { name: "lobby" }, unknown: [1], id: "EV_1" })

describe("Webhook", () => {
  it.live("reports events that LiveKit has signed", () =>
    Effect.gen(function*() {
      const { events, post } = yield* start
      assert.deepStrictEqual(yield* post(joined, yield* sign(joined)), { status: 200, type: null, text: "" })
      assert.deepStrictEqual(events, ["participant_joined lobby"])
    }))

  it.live("rejects everything else, without revealing the key", () =>
    Effect.gen(function*() {
      const { events, post } = yield* start
      const right = yield* sign(joined)
      const large = JSON.stringify({ event: "x".repeat(Webhook.MAX_WEBHOOK_BYTES) })
      const answers = yield* Effect.all({
        missing: post(joined),
        empty: post(joined, ""),
        tampered: post(joined.replace("lobby", "other"), right),
        secret: Effect.flatMap(sign(joined, { secret: "another".repeat(6) }), (token) => post(joined, token)),
        key: Effect.flatMap(sign(joined, { key: "another" }), (token) => post(joined, token)),
        expired: Effect.flatMap(sign(joined, { ttl: -3_600 }), (token) => post(joined, token)),
        bearer: post(joined, `Bearer ${right}`),
        unsigned: post(joined, `${right.split(".").slice(0, 2).join(".")}.`),
        large: Effect.flatMap(sign(large), (token) => post(large, token)),
        garbage: Effect.flatMap(sign("not JSON"), (token) => post("not JSON", token)),
        nothing: Effect.flatMap(sign(""), (token) => post("", token))
      })
      assert.deepStrictEqual(Object.fromEntries(Object.entries(answers).map(([name, { status }]) => [name, status])), {
        missing: 401,
        empty: 401,
        tampered: 401,
        secret: 401,
        key: 401,
        expired: 401,
        bearer: 401,
        unsigned: 401,
        large: 413,
        garbage: 400,
        nothing: 400
      })
      for (const { text, type } of Object.values(answers)) {
        assert.strictEqual(type, "application/problem+json")
        assert.notInclude(text, SECRET)
      }
      assert.deepStrictEqual(events, [])
    }))

  it.live("never fails on any input, signed or not", () =>
    Effect.gen(function*() {
      const { events, post } = yield* start
      const sample = <S extends Schema.Constraint>(schema: S) =>
        Arbitrary.sampleEffect(Arbitrary.schema(schema), { seed: "webhook", count: 60, size: 6 })
      const webhook = Schema.Struct({
        event: Schema.Union([Schema.String, Schema.Json]),
        room: Schema.Union([Schema.Struct({ name: Schema.String, sid: Schema.Json }), Schema.Json]),
        participant: Schema.Union([Schema.Struct({ identity: Schema.String, kind: Schema.Json }), Schema.Json])
      })
      const bodies: ReadonlyArray<string | Uint8Array<ArrayBuffer>> = [
        ...(yield* sample(Schema.String)),
        ...(yield* sample(Schema.Json)).map((json) => JSON.stringify(json)),
        ...(yield* sample(webhook)).map((json) => JSON.stringify(json)),
        Uint8Array.of(0xff, 0xfe, 0x7b),
        "null",
        "[]",
        "{}",
        "\ufeff{}",
        "{\"__proto__\":{\"event\":\"x\"}}",
        `${"[".repeat(30_000)}${"]".repeat(30_000)}`,
        "{\"event\":\"e\",\"createdAt\":\"99999999999999999999999\"}"
      ]
      const signed = new Set<number>()
      for (const each of bodies) {
        const former = events.length
        const { status } = yield* post(each, yield* sign(each))
        signed.add(status)
        assert.strictEqual(events.length - former, status === 200 ? 1 : 0)
        // bytes that are no text cannot be what was signed
        assert.include(typeof each === "string" ? [200, 400, 401] : [401], status, String(each).slice(0, 200))
        assert.strictEqual((yield* post(each, String(each).replace(/[^\x21-\x7e]/g, "").slice(0, 1_000))).status, 401)
      }
      assert.includeMembers([...signed], [200, 400])
    }))
})
