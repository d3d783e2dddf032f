import { Effect, Redacted, type Scope } from "effect"
import { SignJWT } from "jose"
import { createHash, generateKeyPairSync, sign as signBytes } from "node:crypto"
import { createServer } from "node:http"
import * as Plivo from "../../src/providers/telephony/plivo/Signature.ts"
import * as Twilio from "../../src/providers/telephony/twilio/Signature.ts"
import { Chance } from "./Chance.ts"
import { judge } from "./HttpInputs.ts"
import * as Json from "./Json.ts"
import * as Mutate from "./Mutate.ts"
import { CANARY, expect } from "./Surface.ts"
import { exchange } from "./TestServer.ts"

const SEED = process.env["FUZZ_SEED"] ?? "effect-voice"
const AT_ONCE = 16
const encoder = new TextEncoder()
const FORM = "application/x-www-form-urlencoded"
const JSON_TYPE = "application/json"

type Headers = { readonly [name: string]: string }

/** A request that is to be signed; its path has its query. */
interface Unsigned {
  readonly method: string
  readonly url: string
  readonly body: Uint8Array
}

interface Target {
  readonly kind: string
  /** As in a file. */
  readonly fields: { readonly [name: string]: unknown }
  readonly paths: ReadonlyArray<string>
  readonly bodies: ReadonlyArray<readonly [type: string, body: string]>
  /** The headers of a signature, by the carrier's secret or another one. `id` is of no other request. */
  readonly sign: (request: Unsigned, secret: "right" | "wrong", id: number) => Promise<Headers> | Headers
}

const form = (fields: Headers): readonly [string, string] => [FORM, new URLSearchParams(fields).toString()]
const json = (body: object): readonly [string, string] => [JSON_TYPE, JSON.stringify(body)]
const textOf = (body: Uint8Array): string => new TextDecoder().decode(body)

const twilioLike = (
  kind: string,
  header: string,
  account: string,
  fields: Target["fields"]
): Target => ({
  kind,
  fields,
  paths: ["answer", "ended", "transferred", "reached", "status", "machine", "joined", "queued"],
  bodies: [
    form({
      CallSid: `CA${"1".repeat(32)}`,
      AccountSid: account,
      From: "+15550100",
      To: "+15550101",
      Direction: "inbound",
      CallStatus: "ringing"
    }),
    form({
      CallSid: `CA${"2".repeat(32)}`,
      AccountSid: account,
      DialCallStatus: "busy",
      DialCallSid: `CA${"3".repeat(32)}`,
      CallStatus: "in-progress"
    }),
    form({ CallSid: `CA${"2".repeat(32)}`, AccountSid: account, AnsweredBy: "machine_start", CallStatus: "completed" }),
    json({ CallSid: "CA1" })
  ],
  sign: ({ body, url }, secret) => ({
    [header]: Twilio.sign(Redacted.make(secret === "right" ? CANARY : "another"), url, textOf(body))
  })
})

const account = `AC${"a".repeat(32)}`
const pairs = { right: generateKeyPairSync("ed25519"), wrong: generateKeyPairSync("ed25519") }
const vonageKey = generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey.export({
  type: "pkcs8",
  format: "pem"
}).toString()

const call = { call_control_id: "v3:call", call_session_id: "s", connection_id: "c1", client_state: null }

/** The kinds of carriers that send webhooks. */
const targets: ReadonlyArray<Target> = [
  twilioLike("twilio", "X-Twilio-Signature", account, { account_sid: account, auth_token: CANARY }),
  twilioLike("signalwire", "X-SignalWire-Signature", "project-1", {
    space: "example.signalwire.com",
    project: "project-1",
    api_token: "a-token-of-the-project",
    signing_key: CANARY
  }),
  {
    kind: "plivo",
    fields: { auth_id: "MAXXXXXXXXXXXXXXXXXX", auth_token: CANARY },
    paths: ["answer", "answer?purpose=stream&attempt=1", "answer?purpose=joined&session=s"],
    bodies: [
      form({ CallUUID: "c1", From: "15550100", To: "15550101", Direction: "inbound", Event: "StartApp" }),
      form({ CallUUID: "c1", Direction: "outbound", CallStatus: "completed", Event: "Hangup", Machine: "true" }),
      form({ CallUUID: "c1", DialStatus: "busy", Event: "DialHangup" })
    ],
    sign: ({ body, method, url }, secret, id) => {
      const nonce = String(10_000_000 + id)
      const parameters: { [name: string]: Array<string> } = {}
      for (const [name, value] of new URLSearchParams(textOf(body))) (parameters[name] ??= []).push(value)
      const token = Redacted.make(secret === "right" ? CANARY : "another")
      return {
        "X-Plivo-Signature-V3": Plivo.sign(
          { method: method === "GET" ? "GET" : "POST", url, parameters },
          nonce,
          token
        ),
        "X-Plivo-Signature-V3-Nonce": nonce
      }
    }
  },
  {
    kind: "telnyx",
    fields: {
      api_key: CANARY,
      public_key: Buffer.from(pairs.right.publicKey.export({ format: "jwk" }).x ?? "", "base64url").toString("base64")
    },
    paths: ["answer"],
    bodies: [
      json({
        data: {
          event_type: "call.initiated",
          payload: { ...call, direction: "incoming", from: "+15550100", to: "+15550101", state: "parked" }
        }
      }),
      json({ data: { id: "$ID", event_type: "call.hangup", payload: { ...call, hangup_cause: "normal_clearing" } } }),
      json({
        data: { id: "$ID", event_type: "call.machine.detection.ended", payload: { ...call, result: "machine" } }
      }),
      json({ data: { id: "$ID", event_type: "streaming.failed", payload: call } }),
      form({ CallSid: "v3:call", From: "+15550100", To: "+15550101", CallStatus: "ringing", Direction: "inbound" })
    ],
    sign: ({ body }, secret) => {
      const at = String(Math.floor(Date.now() / 1_000))
      const signed = Buffer.concat([Buffer.from(`${at}|`), body])
      return {
        "Telnyx-Timestamp": at,
        "Telnyx-Signature-Ed25519": signBytes(null, signed, pairs[secret].privateKey).toString("base64")
      }
    }
  },
  {
    kind: "vonage",
    fields: { application_id: "app", private_key: vonageKey, signature_secret: CANARY },
    paths: ["answer", "event", "answer?uuid=u1&from=15550100&to=15550101&conversation_uuid=CON-1"],
    bodies: [
      json({ uuid: "u1", conversation_uuid: "CON-1", from: "15550100", to: "15550101" }),
      json({ uuid: "u1", conversation_uuid: "CON-1", status: "completed", direction: "outbound", duration: "1" }),
      json({ uuid: "u1", status: "machine", sub_state: "beep_start", detail: "x" })
    ],
    sign: async ({ body, method }, secret, id) => {
      const token = await new SignJWT({
        iat: Math.floor(Date.now() / 1_000),
        jti: `j${id}`,
        iss: "Vonage",
        application_id: "app",
        ...(method === "GET" ? {} : { payload_hash: createHash("sha256").update(body).digest("hex") })
      }).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(
        Buffer.from(secret === "right" ? CANARY : "another secret of theirs")
      )
      return { Authorization: `Bearer ${token}` }
    }
  }
]

/** The carriers' own interface: it says yes to everything, and counts. */
export const carrierApi: Effect.Effect<
  { readonly url: string; readonly requests: () => number },
  never,
  Scope.Scope
> = Effect.gen(function*() {
  let requests = 0
  const server = createServer((request, response) => {
    requests++
    request.resume()
    response.setHeader("content-type", JSON_TYPE)
    response.end("{\"data\":{}}")
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}`, requests: () => requests }
})

/** One carrier of each kind. */
export const carriersAt = (apiUrl: string): ReadonlyArray<object> =>
  targets.map(({ fields, kind }) => ({ name: kind, kind, api_url: apiUrl, ...fields }))

const mutate = (source: string, chance: Chance, pool: ReadonlyArray<string>): Uint8Array =>
  chance.one(3)
    ? encoder.encode(source)
    : source.startsWith("{") && !chance.one(3)
    ? encoder.encode(Json.mutate(source, chance) ?? source)
    : Mutate.bytes(encoder.encode(source), chance, { pool: pool.map((each) => encoder.encode(each)), maxBytes: 70_000 })

/** What may stand in a request's first line or in a header. */
const printable = (bytes: Uint8Array, isPath: boolean): string =>
  Array.from(bytes, (byte) => String.fromCharCode(byte)).join("").slice(0, 4_000)
    .replace(isPath ? /[^!-~]|#/g : /[^ -~]/g, "")

const types = [FORM, JSON_TYPE, `${FORM}; charset=utf-7`, "text/plain", "multipart/form-data; boundary=x", ""]

interface Made {
  readonly bytes: Uint8Array
  readonly method: string
}

const request = async (target: Target, base: string, isRight: boolean, index: number): Promise<Made> => {
  const chance = new Chance(`${SEED}/webhooks/${target.kind}/${isRight}/${index}`)
  const [type, template] = chance.pick(target.bodies)
  const source = template.replace("$ID", String(index))
  const method = chance.one(isRight ? 10 : 5)
    ? chance.pick(["GET", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "BREW"])
    : "POST"
  const [name = "", search = ""] = chance.pick(target.paths).split("?")
  const given = search === "" && chance.one(2) ? "session=s&again=1&waits=1&attempt=1" : search
  const query = chance.one(2)
    ? given
    : printable(Mutate.bytes(encoder.encode(given), chance, { pool: [encoder.encode(source)], maxBytes: 4_000 }), true)
  const path = `/telephony/${target.kind}/${name}${query === "" ? "" : `?${query}`}`
  const body = method === "GET" || method === "HEAD"
    ? new Uint8Array(0)
    : mutate(source, chance, target.bodies.map(([, each]) => each))
  const signable = { method, url: `${base}${path}`, body }
  // a signature of nothing, of another secret, of another body, or one that is garbage
  const wrong = body.length === 0 ? chance.below(2) : chance.below(4)
  const signature = isRight ? await target.sign(signable, "right", index) : wrong === 0 ? {} : wrong === 1
    ? await target.sign(signable, "wrong", index)
    : wrong === 2
    ? await target.sign({ ...signable, body: Buffer.concat([body, Buffer.from("&zz=1")]) }, "right", index)
    : Object.fromEntries(
      Object.entries(await target.sign(signable, "right", index)).map(([header, value]) => [
        header,
        `AAAA${
          printable(
            Mutate.bytes(encoder.encode(value), chance, { pool: [encoder.encode(value)], maxBytes: 4_000 }),
            false
          )
        }`
      ])
    )
  const headers = [
    `Host: ${new URL(base).host}`,
    "Connection: close",
    ...(chance.one(6) ? [`Content-Type: ${chance.pick(types)}`] : [`Content-Type: ${type}`]),
    ...Object.entries(signature).map(([header, value]) => `${header}: ${value}`),
    ...(chance.one(8) ? [`X-Twilio-Webhooks-Signature-Settings: ${chance.pick(["hash=HMAC_SHA256", "x", ""])}`] : []),
    ...(chance.one(12) ? [`Content-Encoding: ${chance.pick(["gzip", "x"])}`] : []),
    ...(chance.one(12) ? [`X-Forwarded-Host: ${chance.pick(["evil.example", "", "127.0.0.1"])}`] : []),
    `Content-Length: ${body.length}`
  ]
  return {
    method,
    bytes: Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`, "latin1"), body])
  }
}

/** Sends webhooks to a server that has `carriersAt`, rightly signed or not; fails with the first wrong answer. */
export const webhooks = Effect.fnUntraced(function*(url: string, isRight: boolean, inputs: number) {
  const port = Number(new URL(url).port)
  const statuses = new Map<string, number>()
  const send = async (target: Target, index: number) => {
    const { bytes, method } = await request(target, url, isRight, index)
    const { closed, text } = await exchange(port, bytes, { waitMs: 30_000, half: false })
    try {
      const status = judge(bytes, text, closed)
      expect(closed && status !== 0, () => "no answer")
      expect(status < 500, () => `status ${status}`)
      expect(text.length < 20_000, () => `an answer of ${text.length} characters`)
      const isAsked = method === "POST" || method === "GET"
      expect(isRight || !isAsked || status >= 400, () => `status ${status} without a signature`)
      const key = `${target.kind} ${status}`
      statuses.set(key, (statuses.get(key) ?? 0) + 1)
    } catch (cause) {
      throw new Error(
        `webhooks of ${target.kind} failed at input ${index} (seed "${SEED}"): ${String(cause)}\n${
          Buffer.from(bytes).toString("latin1").slice(0, 1_000)
        }`,
        { cause }
      )
    }
  }
  for (let first = 0; first < inputs; first += AT_ONCE) {
    yield* Effect.promise(() =>
      Promise.all(Array.from({ length: AT_ONCE }, (_, i) => send(targets[(first + i) % targets.length]!, first + i)))
    )
  }
  return { kinds: targets.map(({ kind }) => kind), statuses: Object.fromEntries(statuses) }
})
