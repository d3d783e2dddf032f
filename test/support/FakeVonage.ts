/**
 * Vonage's Voice API as its documents have it: signed webhooks, NCCOs, the WebSocket, `/v1/calls`.
 *
 * Its webhooks are signed by `jose` (the official package signs by RS256 only); the tokens of our requests are verified by the
 * official package.
 */
import { verifySignature } from "@vonage/jwt"
import { Effect, type Scope } from "effect"
import { decodeJwt, SignJWT } from "jose"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { DirectedCall } from "./FakeCall.ts"
import {
  type Asked,
  type CarrierProtocol,
  type FakeAnswer,
  type FakeRequest,
  FakeStream,
  isJson,
  type Json,
  type Misbehaviour,
  serveHttp,
  type Watched
} from "./FakeCarrier.ts"

export interface FakeVonageOptions {
  readonly applicationId?: string
  readonly apiKey?: string
  readonly signatureSecret?: string
  /** Of the application: verifies our requests. */
  readonly publicKey: string
  /** What becomes of calls to these numbers. Default: answered. */
  readonly outcomes?: { readonly [number: string]: VonageOutcome }
  /** What answers a call that asks for a detection. Default: human. */
  readonly answeredBy?: "human" | "machine" | "beep"
  readonly misbehaviour?: Misbehaviour
  readonly manual?: boolean
}

export type VonageOutcome = "answered" | "busy" | "timeout" | "unanswered" | "rejected" | "failed"

/** The messages of one stream. */
export const vonageProtocol = (rate: number, headers: { readonly [name: string]: string }): CarrierProtocol => ({
  encoding: "l16",
  sampleRate: rate,
  first: () => [{ event: "websocket:connected", "content-type": `audio/l16;rate=${rate}`, ...headers }],
  media: (_, payload) => payload,
  dtmf: (digit) => ({ event: "websocket:dtmf", digit, duration: 260 }),
  played: (name) => ({ event: "websocket:notify", payload: JSON.parse(name) }),
  stop: () => undefined,
  answersCleared: false,
  cleared: () => ({ event: "websocket:cleared" }),
  // 3,072 messages
  capacityMs: 61_440,
  read: (message): Asked => {
    if (Buffer.isBuffer(message)) {
      return message.length === rate / 25
        ? { _tag: "Audio", payload: message }
        : { _tag: "Fault", reason: `a binary message of ${message.length} bytes, which are not 20 ms` }
    }
    const value: unknown = JSON.parse(message)
    if (!isJson(value)) return { _tag: "Fault", reason: "no JSON object" }
    if (value["action"] === "clear") return { _tag: "Clear" }
    // the payload comes back as it is
    if (value["action"] === "notify") return { _tag: "Mark", name: JSON.stringify(value["payload"] ?? {}) }
    return { _tag: "Fault", reason: "an unknown action" }
  }
})

const over = new Set(["completed", "busy", "timeout", "unanswered", "rejected", "failed", "cancelled"])

export interface VonageWebhook {
  readonly url: string
  readonly body: Json
  readonly status: number
  readonly answer: string
}

export interface FakeVonageCall extends Watched {
  readonly uuid: string
  readonly from: string
  readonly to: string
  readonly status: string
  readonly actions: ReadonlyArray<string>
  readonly streams: ReadonlyArray<FakeStream>
  readonly said: ReadonlyArray<string>
  readonly digits: ReadonlyArray<string>
  readonly dialled: ReadonlyArray<{ readonly target: string; readonly connected: boolean }>
  /** The conversation that it is in. */
  readonly conversation: string | undefined
  readonly stream: Effect.Effect<FakeStream>
  readonly over: Effect.Effect<void>
  /** The caller hangs up. */
  readonly hangUp: () => void
  /** The person whom the call is connected to hangs up. */
  readonly otherHangsUp: () => void
}

export interface FakeVonage {
  readonly url: string
  readonly applicationId: string
  readonly apiKey: string
  readonly signatureSecret: string
  readonly calls: ReadonlyArray<FakeVonageCall>
  readonly requests: ReadonlyArray<FakeRequest>
  readonly webhooks: ReadonlyArray<VonageWebhook>
  /** Someone calls one of our numbers. */
  readonly call: (options: {
    readonly answerUrl: string
    readonly eventUrl: string
    readonly method?: "GET" | "POST"
    readonly from?: string
    readonly to?: string
    readonly uuid?: string
  }) => FakeVonageCall
  /** A signed webhook. */
  readonly post: (url: string, body: Json, claims?: Json) => Promise<VonageWebhook>
  /** Its token, to be sent in other ways. */
  readonly token: (body: string | undefined, claims?: Json) => Promise<string>
  readonly refuseNext: (answer: FakeAnswer) => void
}

const FORMAT = /^audio\/l16;rate=(8000|16000|24000)$/

export const start = (options: FakeVonageOptions): Effect.Effect<FakeVonage, never, Scope.Scope> =>
  Effect.gen(function*() {
    const applicationId = options.applicationId ?? "78d335fa-323d-0114-9c3d-d6f0d48968cf"
    const apiKey = options.apiKey ?? "abcd1234"
    const signatureSecret = options.signatureSecret ?? "signature-secret-12345"
    const requests: Array<FakeRequest> = []
    const webhooks: Array<VonageWebhook> = []
    const calls: Array<Call> = []
    let refusal: FakeAnswer | undefined
    let counter = 0

    const token: FakeVonage["token"] = (body, claims = {}) =>
      new SignJWT({
        iat: Math.floor(Date.now() / 1_000),
        jti: `jti-${++counter}`,
        iss: "Vonage",
        api_key: apiKey,
        application_id: applicationId,
        ...(body === undefined ? {} : { payload_hash: createHash("sha256").update(body).digest("hex") }),
        ...claims
      }).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(Buffer.from(signatureSecret))

    const told = async (url: string, body: Json, response: Response): Promise<VonageWebhook> => {
      const webhook = { url, body, status: response.status, answer: await response.text() }
      webhooks.push(webhook)
      return webhook
    }

    const post: FakeVonage["post"] = async (url, body, claims) => {
      const text = JSON.stringify(body)
      return told(
        url,
        body,
        await fetch(url, {
          method: "POST",
          body: text,
          headers: { "content-type": "application/json", authorization: `Bearer ${await token(text, claims)}` }
        })
      )
    }

    class Call extends DirectedCall implements FakeVonageCall {
      readonly uuid: string
      readonly conversationUuid: string
      readonly from: string
      readonly to: string
      readonly direction: "inbound" | "outbound"
      readonly actions: Array<string> = []
      conversation: string | undefined
      status = "started"
      eventUrl: string | undefined

      constructor(given: {
        readonly uuid?: string | undefined
        readonly from: string
        readonly to: string
        readonly direction: "inbound" | "outbound"
        readonly eventUrl: string | undefined
      }) {
        super()
        this.uuid = given.uuid ?? `63f61863-4a51-4f6b-86e1-${String(++counter).padStart(12, "0")}`
        this.conversationUuid = `CON-${this.uuid}`
        this.from = given.from
        this.to = given.to
        this.direction = given.direction
        this.eventUrl = given.eventUrl
      }

      get isOver(): boolean {
        return over.has(this.status)
      }

      get facts(): Json {
        return {
          uuid: this.uuid,
          conversation_uuid: this.conversationUuid,
          from: this.from,
          to: this.to,
          direction: this.direction,
          timestamp: new Date().toISOString()
        }
      }

      hangUp(): void {
        this.finish("completed")
      }

      async tell(status: string, more: Json = {}): Promise<void> {
        if (this.eventUrl === undefined) return
        await post(this.eventUrl, { ...this.facts, status, ...more }).catch(() => {})
      }

      finish(status: string): void {
        if (over.has(this.status)) return
        this.status = status
        this.interrupt()
        this.changed()
        void this.tell(status, { duration: "1", rate: "0.01", price: "0.001" })
      }

      /** Carries out another NCCO in place of the present one. */
      replace(ncco: unknown): void {
        void this.run(ncco, this.interrupt())
      }

      async follow(url: string, method: "GET" | "POST"): Promise<void> {
        const { turn } = this
        const answer = method === "POST" ? await post(url, this.facts).catch(() => undefined) : await this.#get(url)
        if (turn !== this.turn) return
        if (answer?.status !== 200) return this.finish("failed")
        return this.run(JSON.parse(answer.answer), turn)
      }

      async #get(url: string): Promise<VonageWebhook | undefined> {
        const target = new URL(url)
        for (const [name, value] of Object.entries(this.facts)) target.searchParams.set(name, String(value))
        const response = await fetch(target, { headers: { authorization: `Bearer ${await token(undefined)}` } }).catch(
          () => undefined
        )
        return response === undefined ? undefined : told(url, this.facts, response)
      }

      async run(ncco: unknown, turn: number): Promise<void> {
        if (!Array.isArray(ncco) || !ncco.every(isJson)) return this.finish("failed")
        for (const action of ncco) {
          if (turn !== this.turn || over.has(this.status)) return
          this.actions.push(String(action["action"]))
          if (this.status !== "answered") {
            this.status = "answered"
            void this.tell("answered")
          }
          this.changed()
          const next = await this.carryOut(action, turn)
          if (turn !== this.turn || over.has(this.status)) return
          if (next !== undefined) return this.run(next, turn)
        }
        if (turn === this.turn) this.finish("completed")
      }

      async carryOut(action: Json, turn: number): Promise<unknown> {
        switch (action["action"]) {
          case "talk":
            this.said.push(String(action["text"]))
            return undefined
          case "conversation":
            return this.#converse(String(action["name"]), action["endOnExit"] === true)
          case "connect": {
            const list = action["endpoint"]
            const endpoint: unknown = Array.isArray(list) ? list[0] : undefined
            if (!isJson(endpoint)) return this.finish("failed")
            const urls = action["eventUrl"]
            const eventUrl = Array.isArray(urls) && typeof urls[0] === "string" ? urls[0] : undefined
            const leg: Json = {
              uuid: `leg-${++counter}`,
              conversation_uuid: this.conversationUuid,
              from: this.from,
              to: String(endpoint["number"] ?? endpoint["uri"]),
              direction: "outbound",
              timestamp: new Date().toISOString()
            }
            const tell = (status: string) =>
              eventUrl === undefined ? undefined : post(eventUrl, { ...leg, status }).catch(() => undefined)
            const status = endpoint["type"] === "websocket"
              ? await this.#connect(endpoint)
              : await this.#dial(endpoint, tell)
            if (over.has(this.status)) return undefined
            const answer = await tell(status)
            return turn === this.turn && action["eventType"] === "synchronous" && answer?.status === 200 &&
                answer.answer.startsWith("[")
              ? JSON.parse(answer.answer)
              : undefined
          }
          default:
            return this.finish("failed")
        }
      }

      async #connect(endpoint: Json): Promise<string> {
        const rate = Number(FORMAT.exec(String(endpoint["content-type"]))?.[1])
        const headers = Object.fromEntries(
          Object.entries(isJson(endpoint["headers"]) ? endpoint["headers"] : {}).map(([name, value]) =>
            [name, String(value)] as const
          )
        )
        const url = new URL(String(endpoint["uri"]))
        const isSafe = url.protocol === "wss:" || url.hostname === "127.0.0.1"
        if (!isSafe || Number.isNaN(rate) || Object.values(headers).some((value) => value.length > 512)) {
          this.finish("failed")
          return "failed"
        }
        const given = endpoint["authorization"]
        const authorization = !isJson(given)
          ? undefined
          : given["type"] === "vonage"
          ? `Bearer ${await token(undefined)}`
          : String(given["value"])
        const stream = new FakeStream({
          url: url.href,
          headers: { "user-agent": "Vonage", ...(authorization === undefined ? {} : { authorization }) },
          wire: vonageProtocol(rate, headers),
          misbehaviour: options.misbehaviour,
          manual: options.manual
        })
        await this.play(stream)
        return stream.end?.by === "refused" ? "failed" : "disconnected"
      }

      async #dial(
        endpoint: Json,
        tell: (status: string) => Promise<unknown> | undefined
      ): Promise<string> {
        const target = String(endpoint["number"] ?? endpoint["uri"])
        const outcome = options.outcomes?.[target] ?? "answered"
        this.dialled.push({ target, connected: outcome === "answered" })
        this.changed()
        await tell("ringing")
        if (outcome !== "answered") return outcome
        await this.otherLeaves(() => tell("answered"))
        return "completed"
      }

      async #converse(name: string, endOnExit: boolean): Promise<undefined> {
        this.conversation = name
        this.changed()
        await this.otherLeaves()
        this.conversation = undefined
        if (endOnExit) { for (const other of calls) if (other.conversation === name) other.finish("completed") }
        return undefined
      }
    }

    const isAuthorised = (request: FakeRequest): boolean => {
      const given = (request.headers.authorization ?? "").replace(/^Bearer /, "")
      return verifySignature(given, options.publicKey) && decodeJwt(given)["application_id"] === applicationId
    }

    const fault = (status: number, title: string): FakeAnswer => ({
      status,
      body: { type: "https://developer.vonage.com/api-errors", title, detail: "for +447700900000", instance: "i" }
    })

    const place = async (call: Call, body: Json): Promise<void> => {
      const outcome = options.outcomes?.[call.to] ?? "answered"
      await call.tell("started")
      if (over.has(call.status)) return
      call.status = "ringing"
      await call.tell("ringing")
      if (outcome !== "answered") return call.finish(outcome)
      if (over.has(call.status)) return
      call.status = "answered"
      await call.tell("answered")
      const { turn } = call
      const detection = body["advanced_machine_detection"]
      const answers = body["answer_url"]
      const going = Array.isArray(body["ncco"])
        ? call.run(body["ncco"], turn)
        : call.follow(
          String(Array.isArray(answers) ? answers[0] : ""),
          body["answer_method"] === "POST" ? "POST" : "GET"
        )
      if (isJson(detection)) {
        const answeredBy = options.answeredBy ?? "human"
        await call.tell(answeredBy === "human" ? "human" : "machine")
        if (answeredBy === "beep" && detection["mode"] !== "detect") {
          await call.tell("machine", { sub_state: "beep_start" })
        }
      }
      return going
    }

    const create = (request: FakeRequest): FakeAnswer => {
      const body: unknown = JSON.parse(request.body)
      if (!isJson(body) || !Array.isArray(body["to"]) || !isJson(body["to"][0]) || !isJson(body["from"])) {
        return fault(400, "Bad Request")
      }
      const [to] = body["to"] as ReadonlyArray<Json>
      const number = String(to?.["number"] ?? to?.["uri"])
      if (!/^\d{3,15}$|^sip:/.test(number)) return fault(400, "Bad Request")
      const urls = body["event_url"]
      const call = new Call({
        from: String(body["from"]["number"]),
        to: number,
        direction: "outbound",
        eventUrl: Array.isArray(urls) ? String(urls[0]) : undefined
      })
      calls.push(call)
      void place(call, body)
      return {
        status: 201,
        body: { uuid: call.uuid, status: "started", direction: "outbound", conversation_uuid: call.conversationUuid }
      }
    }

    const update = (call: Call, body: unknown): FakeAnswer => {
      if (!isJson(body)) return fault(400, "Bad Request")
      if (over.has(call.status)) return fault(404, "Not Found")
      if (body["action"] === "hangup") {
        call.finish("completed")
        return { status: 204 }
      }
      const destination = body["destination"]
      if (body["action"] === "transfer" && isJson(destination) && destination["type"] === "ncco") {
        if (call.status !== "answered") return fault(400, "Bad Request")
        call.replace(destination["ncco"])
        return { status: 204 }
      }
      return fault(400, "Bad Request")
    }

    const { url } = yield* serveHttp((request) => {
      requests.push(request)
      if (refusal !== undefined) {
        const told = refusal
        refusal = undefined
        return told
      }
      if (!isAuthorised(request)) return fault(401, "Unauthorized")
      if (request.method === "POST" && request.path === "/v1/calls") return create(request)
      const [, id = "", rest = ""] = /^\/v1\/calls\/([^/]+)(\/dtmf)?$/.exec(request.path) ?? []
      const call = calls.find(({ uuid }) => uuid === decodeURIComponent(id))
      if (call === undefined || request.method !== "PUT") return fault(404, "Not Found")
      const body: unknown = JSON.parse(request.body)
      if (rest === "") return update(call, body)
      const digits = isJson(body) ? body["digits"] : undefined
      if (over.has(call.status)) return fault(404, "Not Found")
      if (typeof digits !== "string" || !/^[0-9*#p]+$/.test(digits)) return fault(400, "Bad Request")
      call.digits.push(digits)
      call.changed()
      return { status: 200, body: { message: "DTMF sent", uuid: call.uuid } }
    })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const call of calls) {
          call.eventUrl = undefined
          call.status = "completed"
          call.abandon()
        }
      })
    )

    return {
      url,
      applicationId,
      apiKey,
      signatureSecret,
      calls,
      requests,
      webhooks,
      call: ({ answerUrl, eventUrl, from = "447700900000", method = "POST", to = "447700900001", uuid }) => {
        const call = new Call({ uuid, from, to, direction: "inbound", eventUrl })
        calls.push(call)
        void call.follow(answerUrl, method)
        return call
      },
      post,
      token,
      refuseNext: (answer) => {
        refusal = answer
      }
    }
  })
