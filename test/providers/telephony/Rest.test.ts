import { assert, describe, it } from "@effect/vitest"
import { Auth } from "@vonage/auth"
import { AdvancedMachineDetectionMode, MachineDetectionBehavior, NCCOActions, Voice } from "@vonage/voice"
import type { AxiosInstance } from "axios"
import { Duration, Effect, Redacted } from "effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import { generateKeyPairSync } from "node:crypto"
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import { createRequire } from "node:module"
import type { AddressInfo } from "node:net"
import plivo from "plivo"
import { Telnyx } from "telnyx"
import type { BackendError } from "../../../src/BackendError.ts"
import * as PlivoRest from "../../../src/providers/telephony/plivo/Rest.ts"
import * as TelnyxRest from "../../../src/providers/telephony/telnyx/Rest.ts"
import * as Ncco from "../../../src/providers/telephony/vonage/Ncco.ts"
import * as VonageRest from "../../../src/providers/telephony/vonage/Rest.ts"

interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: unknown
}

interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: { readonly [name: string]: string }
  readonly raw?: (response: ServerResponse) => void
}

/** Notes what it is asked, and answers as it is told. */
const makeServer = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly asked: Array<Asked>; answer: Answer; readonly close: () => void }>(
    (resume) => {
      const asked: Array<Asked> = []
      const server = createServer((request, response) => {
        let text = ""
        request.setEncoding("utf8").on("data", (more: string) => {
          text += more
        }).on("end", () => {
          asked.push({
            method: request.method ?? "",
            path: request.url ?? "",
            headers: request.headers,
            body: text === "" ? undefined : JSON.parse(text)
          })
          const { body, headers, raw, status } = given.answer
          if (raw !== undefined) return raw(response)
          response.writeHead(status, { "content-type": "application/json", ...headers })
          response.end(body === undefined ? undefined : JSON.stringify(body))
        })
      })
      const given = {
        url: "",
        asked,
        answer: { status: 200, body: {} } as Answer,
        close: () => {
          server.closeAllConnections()
          server.close()
        }
      }
      server.listen(0, "127.0.0.1", () => {
        given.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
        resume(Effect.succeed(given))
      })
    }
  ),
  ({ close }) => Effect.sync(close)
)

const pair = generateKeyPairSync("rsa", { modulusLength: 2_048 })
const timeout = Duration.seconds(10)

const services = Effect.gen(function*() {
  const server = yield* makeServer
  const client = yield* HttpClient.HttpClient
  const { url } = server
  return {
    server,
    vonage: VonageRest.make({ client, applicationId: "app-1", key: pair.privateKey, url, timeout }),
    telnyx: TelnyxRest.make({ client, apiKey: Redacted.make("KEY1"), url: `${url}/v2`, timeout }),
    plivo: PlivoRest.make({
      client,
      authId: "MA1",
      authToken: Redacted.make("token"),
      url: `${url}/v1`,
      timeout
    }),
    officialVonage: new Voice(
      new Auth({
        applicationId: "app-1",
        privateKey: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString()
      }),
      { apiHost: url }
    ),
    officialTelnyx: new Telnyx({ apiKey: "KEY1", baseURL: `${url}/v2`, maxRetries: 0 })
  }
})

const bare = ({ body, method, path }: Asked) => ({ method, path, body })
const provided = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.scoped(effect).pipe(Effect.provide(FetchHttpClient.layer))

/** The last two requests, ours and the official package's, are the same. */
const same = (asked: ReadonlyArray<Asked>): void => {
  const [ours, official] = asked.slice(-2)
  assert.isDefined(ours)
  assert.isDefined(official)
  if (ours !== undefined && official !== undefined) assert.deepStrictEqual(bare(ours), bare(official))
}

const headers = { uuid: "u1", token: "t1" }
const streamNcco = Ncco.stream({
  url: "wss://voice.example.com/stream",
  sampleRate: 16_000,
  headers,
  authorization: { type: "vonage" },
  from: "+447700900000",
  eventUrl: "https://voice.example.com/event"
})

describe("Vonage's REST interface", () => {
  it.live("is asked for calls as the official package asks", () =>
    provided(Effect.gen(function*() {
      const { officialVonage, server, vonage } = yield* services
      server.answer = {
        status: 201,
        body: { uuid: "u2", status: "started", direction: "outbound", conversation_uuid: "c" }
      }
      const callId = yield* vonage.dial({
        to: "+447700900001",
        from: "+447700900000",
        answer: { url: "https://voice.example.com/answer" },
        eventUrl: "https://voice.example.com/event",
        ringSeconds: 45,
        maxSeconds: 600,
        machineDetection: { mode: "detect_beep", beepSeconds: 60 }
      })
      assert.strictEqual(callId, "u2")
      yield* Effect.promise(() =>
        officialVonage.createOutboundCall(
          {
            to: [{ type: "phone", number: "447700900001" }],
            from: { type: "phone", number: "447700900000" },
            answerUrl: ["https://voice.example.com/answer"],
            answerMethod: "POST",
            eventUrl: ["https://voice.example.com/event"],
            eventMethod: "POST",
            ringingTimer: 45,
            lengthTimer: 600,
            advancedMachineDetection: {
              behavior: MachineDetectionBehavior.CONTINUE,
              mode: AdvancedMachineDetectionMode.DETECTBEEP,
              beepTimeout: 60
            }
          } as Parameters<typeof officialVonage.createOutboundCall>[0]
        )
      )
      same(server.asked)
      assert.match(server.asked[0]?.headers.authorization ?? "", /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/)
    })))

  it.live("is told of transfers, digits and the end as the official package tells it", () =>
    provided(Effect.gen(function*() {
      const { officialVonage, server, vonage } = yield* services
      server.answer = { status: 200, body: { message: "ok" } }
      yield* vonage.sendDigits("a/b", "1w2#")
      assert.strictEqual(server.asked.at(-1)?.path, "/v1/calls/a%2Fb/dtmf", "an id is one part of the path")
      yield* vonage.sendDigits("u1", "1w2#")
      yield* Effect.promise(() => officialVonage.playDTMF("u1", "1p2#"))
      same(server.asked)
      server.answer = { status: 204 }
      yield* vonage.hangUp("u1")
      yield* Effect.promise(() => officialVonage.hangupCall("u1"))
      same(server.asked)
      yield* vonage.transfer("u1", streamNcco)
      yield* Effect.promise(() =>
        officialVonage.transferCallWithNCCO(
          "u1",
          [{
            action: NCCOActions.CONNECT,
            eventType: "synchronous",
            eventUrl: ["https://voice.example.com/event"],
            from: "447700900000",
            endpoint: [{
              type: "websocket",
              uri: "wss://voice.example.com/stream",
              "content-type": "audio/l16;rate=16000",
              headers,
              authorization: { type: "vonage" }
            }]
          }] as Parameters<typeof officialVonage.transferCallWithNCCO>[1]
        )
      )
      same(server.asked)
    })))
})

const telnyxStream = {
  url: "wss://voice.example.com/stream",
  codec: "L16",
  sampleRate: 16_000,
  authToken: Redacted.make("t1")
} as const
const telnyxFields = {
  stream_url: "wss://voice.example.com/stream",
  stream_track: "inbound_track",
  stream_codec: "L16",
  stream_bidirectional_mode: "rtp",
  stream_bidirectional_codec: "L16",
  stream_bidirectional_sampling_rate: 16_000,
  stream_bidirectional_target_legs: "self",
  stream_auth_token: "t1"
} as const

describe("Telnyx' REST interface", () => {
  it.live("is asked for calls as the official package asks", () =>
    provided(Effect.gen(function*() {
      const { officialTelnyx, server, telnyx } = yield* services
      server.answer = { status: 200, body: { data: { call_control_id: "v3:a", call_leg_id: "l" } } }
      const callId = yield* telnyx.dial({
        to: "+15550101",
        from: "+15550100",
        connectionId: "c1",
        webhookUrl: "https://voice.example.com/event",
        commandId: "k1",
        clientState: "ses_1",
        ringSeconds: 30,
        maxSeconds: 600,
        machineDetection: "detect_beep",
        stream: telnyxStream
      })
      assert.strictEqual(callId, "v3:a")
      yield* Effect.promise(() =>
        officialTelnyx.calls.dial({
          connection_id: "c1",
          to: "+15550101",
          from: "+15550100",
          webhook_url: "https://voice.example.com/event",
          webhook_url_method: "POST",
          command_id: "k1",
          client_state: "c2VzXzE=",
          timeout_secs: 30,
          time_limit_secs: 600,
          answering_machine_detection: "detect_beep",
          ...telnyxFields
        })
      )
      same(server.asked)
      assert.strictEqual(server.asked[0]?.headers.authorization, server.asked[1]?.headers.authorization)
    })))

  it.live("is told every command as the official package tells it", () =>
    provided(Effect.gen(function*() {
      const { officialTelnyx: { calls: { actions } }, server, telnyx } = yield* services
      server.answer = { status: 200, body: { data: { result: "ok" } } }
      const id = "v3:a/b"
      const pairs: ReadonlyArray<readonly [Effect.Effect<void, BackendError>, () => Promise<unknown>]> = [
        [telnyx.answer(id), () => actions.answer(id, {})],
        [telnyx.hangUp(id), () => actions.hangup(id, {})],
        [telnyx.reject(id), () => actions.reject(id, { cause: "CALL_REJECTED" })],
        [
          telnyx.transfer(id, { to: "+15550102", from: "+15550100", ringSeconds: 20, state: "ses_1" }),
          () =>
            actions.transfer(id, {
              to: "+15550102",
              from: "+15550100",
              timeout_secs: 20,
              target_leg_client_state: "c2VzXzE="
            })
        ],
        [telnyx.refer(id, "sip:a@b"), () => actions.refer(id, { sip_address: "sip:a@b" })],
        [telnyx.bridge(id, "v3:c"), () => actions.bridge(id, { call_control_id_to_bridge_with: "v3:c" })],
        [telnyx.enqueue(id, "sales"), () => actions.enqueue(id, { queue_name: "sales" })],
        [telnyx.sendDigits(id, "1w2#"), () => actions.sendDtmf(id, { digits: "1w2#" })],
        [
          telnyx.speak(id, "Hello", "en-US"),
          () => actions.speak(id, { payload: "Hello", language: "en-US", voice: "female", service_level: "basic" })
        ],
        [
          telnyx.startStream(id, telnyxStream, { session: "ses_1" }),
          () =>
            actions.startStreaming(id, {
              ...telnyxFields,
              custom_parameters: [{ name: "session", value: "ses_1" }]
            })
        ]
      ]
      for (const [ours, official] of pairs) {
        yield* ours
        yield* Effect.promise(official)
        same(server.asked)
      }
    })))
})

/** The official package cannot be told another host: its requests are kept before they leave. */
const officialPlivo = async (run: (client: plivo.Client) => Promise<unknown>): Promise<Asked> => {
  // the instance that the package has
  const axios: Pick<AxiosInstance, "defaults"> = createRequire(createRequire(import.meta.url).resolve("plivo"))("axios")
  const { adapter } = axios.defaults
  let kept: Asked | undefined
  axios.defaults.adapter = (config) => {
    const url = new URL(config.url ?? "")
    kept = {
      method: (config.method ?? "").toUpperCase(),
      path: `${url.pathname}${url.search}`,
      headers: { authorization: String(config.headers.Authorization) },
      body: typeof config.data === "string" ? JSON.parse(config.data) : config.data
    }
    return Promise.resolve({ data: { request_uuid: "r" }, status: 200, statusText: "", headers: {}, config })
  }
  try {
    await run(new plivo.Client("MA1", "token"))
  } finally {
    if (adapter !== undefined) axios.defaults.adapter = adapter
  }
  return kept ?? assert.fail("no request")
}

describe("Plivo's REST interface", () => {
  it.live("is asked for calls, and told commands, as the official package does", () =>
    provided(Effect.gen(function*() {
      const { plivo: ours, server } = yield* services
      server.answer = { status: 201, body: { message: "call fired", request_uuid: "r1", api_id: "a" } }
      const callId = yield* ours.dial({
        to: "15550101",
        from: "15550100",
        answerUrl: "https://voice.example.com/answer",
        ringUrl: "https://voice.example.com/ring",
        hangupUrl: "https://voice.example.com/hangup",
        ringSeconds: 30,
        maxSeconds: 600,
        machineDetection: { url: "https://voice.example.com/machine", ms: 4_000 }
      })
      assert.strictEqual(callId, "r1")
      const check = (official: Asked): void => {
        const last = server.asked.at(-1) ?? assert.fail()
        assert.deepStrictEqual(bare(last), bare(official))
        assert.strictEqual(last.headers.authorization, official.headers.authorization)
      }
      check(
        yield* Effect.promise(() =>
          officialPlivo((client) =>
            client.calls.create("15550100", "15550101", "https://voice.example.com/answer", {
              answerMethod: "POST",
              ringUrl: "https://voice.example.com/ring",
              ringMethod: "POST",
              hangupUrl: "https://voice.example.com/hangup",
              hangupMethod: "POST",
              ringTimeout: 30,
              timeLimit: 600,
              machineDetection: "true",
              machineDetectionUrl: "https://voice.example.com/machine",
              machineDetectionMethod: "POST",
              machineDetectionTime: 4_000
            })
          )
        )
      )
      server.answer = { status: 202, body: { message: "ok" } }
      yield* ours.transfer("u1", "https://voice.example.com/moved")
      check(
        yield* Effect.promise(() =>
          officialPlivo((client) =>
            client.calls.transfer(
              "u1",
              {
                legs: "aleg",
                alegUrl: "https://voice.example.com/moved",
                alegMethod: "POST"
              } as Parameters<typeof client.calls.transfer>[1]
            )
          )
        )
      )
      yield* ours.sendDigits("u1", "1w2#")
      check(
        yield* Effect.promise(() => officialPlivo((client) => client.calls.sendDigits("u1", "1w2#", { leg: "aleg" })))
      )
      server.answer = { status: 204 }
      yield* ours.hangUp("u1")
      const official = yield* Effect.promise(() => officialPlivo((client) => client.calls.hangup("u1")))
      assert.deepStrictEqual(
        [server.asked.at(-1)?.method, server.asked.at(-1)?.path],
        [official.method, official.path]
      )
      yield* ours.cancel("r1")
      const cancelled = yield* Effect.promise(() => officialPlivo((client) => client.calls.cancel("r1")))
      assert.deepStrictEqual(
        [server.asked.at(-1)?.method, server.asked.at(-1)?.path],
        [cancelled.method, cancelled.path]
      )
    })))
})

describe("A carrier's refusal", () => {
  const stream = telnyxStream
  it.live("is success where the call's end is asked for and it is over, and a typed error elsewhere", () =>
    provided(Effect.gen(function*() {
      const { plivo: plivoRest, server, telnyx, vonage } = yield* services
      server.answer = { status: 404, body: { error: "not found" } }
      yield* vonage.hangUp("u1")
      yield* plivoRest.hangUp("u1")
      yield* telnyx.hangUp("u1")
      const over = { errors: [{ code: "90018", title: "Call has already ended", detail: "+15550101 hung up" }] }
      server.answer = { status: 422, body: over }
      yield* telnyx.hangUp("u1")
      const error = yield* Effect.flip(telnyx.sendDigits("u1", "1"))
      assert.strictEqual(error.code, "session_not_found")
      server.answer = { status: 422, body: { errors: [{ code: "10015", title: "Bad" }] } }
      const other = yield* Effect.flip(telnyx.hangUp("u1"))
      assert.strictEqual(other.code, "invalid_config")
      assert.strictEqual(other.details?.["code"], "10015")
      server.answer = { status: 404 }
      for (
        const effect of [
          vonage.transfer("u1", streamNcco),
          plivoRest.transfer("u1", "https://a"),
          vonage.sendDigits("u1", "1")
        ]
      ) {
        assert.strictEqual((yield* Effect.flip(effect)).code, "session_not_found")
      }
    })))

  it.live("tells a status by its code and repeats nothing of the body", () =>
    provided(Effect.gen(function*() {
      const { plivo: plivoRest, server, telnyx, vonage } = yield* services
      const codes = [
        [401, "authentication_failed"],
        [403, "authorization_failed"],
        [400, "invalid_config"],
        [429, "rate_limit_exceeded"],
        [500, "connection_failed"],
        [302, "connection_failed"]
      ] as const
      for (const [status, code] of codes) {
        server.answer = {
          status,
          body: { title: "for +15550101", detail: "KEY1", error: "token" },
          headers: { "retry-after": "7", location: "http://127.0.0.1:1/" }
        }
        for (
          const effect of [vonage.hangUp("u1"), telnyx.startStream("u1", stream), plivoRest.transfer("u1", "https://a")]
        ) {
          const error = yield* Effect.flip(effect)
          assert.strictEqual(error.code, code)
          assert.notMatch(JSON.stringify([error.message, error.details]), /15550101|KEY1|"token"|127\.0\.0\.1/)
          assert.strictEqual(error.details?.["retryAfterMs"], 7_000)
        }
      }
    })))

  it.live("is typed when the answer makes no sense, is too long, or never comes", () =>
    provided(Effect.gen(function*() {
      const { plivo: plivoRest, server, telnyx, vonage } = yield* services
      const client = yield* HttpClient.HttpClient
      const dials = [
        vonage.dial({ to: "1", from: "2", answer: { ncco: [] }, eventUrl: "https://a" }),
        telnyx.dial({ to: "1", from: "2", connectionId: "c", webhookUrl: "https://a" }),
        plivoRest.dial({ to: "1", from: "2", answerUrl: "https://a" })
      ]
      for (
        const answer of [
          { status: 200, body: [] },
          { status: 200, body: { uuid: 7, data: null, request_uuid: "" } },
          { status: 200, body: { uuid: "x".repeat(1_000) } },
          { status: 200 },
          { status: 200, body: "y".repeat(200_000) }
        ]
      ) {
        server.answer = answer
        for (const dial of dials) assert.strictEqual((yield* Effect.flip(dial)).code, "pipeline_error")
      }
      server.answer = { status: 0, raw: (response) => void response.destroy() }
      for (const dial of dials) assert.strictEqual((yield* Effect.flip(dial)).code, "connection_failed")
      server.answer = { status: 0, raw: () => {} }
      const impatient = PlivoRest.make({
        client,
        authId: "MA1",
        authToken: Redacted.make("token"),
        url: server.url,
        timeout: Duration.millis(50)
      })
      assert.strictEqual((yield* Effect.flip(impatient.hangUp("u1"))).code, "connection_timeout")
    })))
})
