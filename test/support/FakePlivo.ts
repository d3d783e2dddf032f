/**
 * Plivo's voice API as its documents have it: signed webhooks, XML, the audio stream, `/v1/Account/…/Call/`.
 *
 * Every signature that it makes is checked by the official package before it is sent.
 */
import { Effect, type Scope } from "effect"
import { Buffer } from "node:buffer"
import { createHmac } from "node:crypto"
import plivo from "plivo"
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
  parseXml,
  serveHttp,
  type Watched,
  type XmlElement
} from "./FakeCarrier.ts"

export interface FakePlivoOptions {
  readonly authId?: string
  readonly authToken?: string
  /** What becomes of calls to these numbers. Default: answered. */
  readonly outcomes?: { readonly [number: string]: PlivoOutcome }
  /** Whether a machine answers a call that asks for a detection. Default: false. */
  readonly machine?: boolean
  readonly misbehaviour?: Misbehaviour
  readonly manual?: boolean
}

/** `answered`, or the status of the call when it is over. */
export type PlivoOutcome = "answered" | "busy" | "no-answer" | "failed" | "cancel"

const FORMAT = /^audio\/x-(mulaw|l16);rate=(8000|16000)$/

/** The messages of one stream. */
export const plivoProtocol = (given: {
  readonly streamId: string
  readonly callId: string
  readonly account: string
  readonly contentType: string
  readonly extraHeaders: string
}): CarrierProtocol => {
  const { account, callId, contentType, extraHeaders, streamId } = given
  const [, kind, rateText] = FORMAT.exec(contentType) ?? []
  const rate = Number(rateText)
  const encoding = kind === "l16" ? "l16" : "mulaw"
  let sequence = 0
  const next = () => ({ sequenceNumber: ++sequence, streamId })
  return {
    encoding,
    sampleRate: rate,
    first: () => [{
      event: "start",
      sequenceNumber: ++sequence,
      start: {
        callId,
        streamId,
        accountId: account,
        tracks: ["inbound"],
        mediaFormat: { encoding: `audio/x-${kind}`, sampleRate: rate }
      },
      extra_headers: extraHeaders
    }],
    media: (chunk, payload) => ({
      event: "media",
      ...next(),
      media: { track: "inbound", timestamp: String(chunk * 20), chunk, payload: payload.toString("base64") },
      extra_headers: extraHeaders
    }),
    dtmf: (digit) => ({ event: "dtmf", ...next(), dtmf: { track: "inbound", digit, timestamp: "1" } }),
    played: (name) => ({ event: "playedStream", ...next(), name }),
    stop: () => ({ event: "stop", ...next() }),
    answersCleared: false,
    cleared: () => ({ event: "clearedAudio", ...next() }),
    read: (message): Asked => {
      if (typeof message !== "string") return { _tag: "Fault", reason: "a binary message" }
      const value: unknown = JSON.parse(message)
      if (!isJson(value)) return { _tag: "Fault", reason: "no JSON object" }
      const { event, media, name } = value
      if (event !== "playAudio" && value["streamId"] !== streamId) return { _tag: "Fault", reason: "another stream" }
      if (event === "clearAudio") return { _tag: "Clear" }
      if (event === "checkpoint" && typeof name === "string") return { _tag: "Mark", name }
      if (event === "sendDTMF" && typeof value["dtmf"] === "string") return { _tag: "Digits", digits: value["dtmf"] }
      if (event === "playAudio" && isJson(media) && typeof media["payload"] === "string") {
        return media["contentType"] === `audio/x-${kind}` && Number(media["sampleRate"]) === rate
          ? { _tag: "Audio", payload: Buffer.from(media["payload"], "base64") }
          : { _tag: "Fault", reason: "audio of another format" }
      }
      return { _tag: "Fault", reason: "an unknown message" }
    }
  }
}

const over = new Set(["completed", "busy", "no-answer", "failed", "cancel"])

export interface PlivoWebhook {
  readonly url: string
  readonly form: { readonly [name: string]: string }
  readonly status: number
  readonly answer: string
}

export interface FakePlivoCall extends Watched {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly status: string
  readonly verbs: ReadonlyArray<string>
  readonly streams: ReadonlyArray<FakeStream>
  readonly said: ReadonlyArray<string>
  readonly digits: ReadonlyArray<string>
  readonly dialled: ReadonlyArray<{ readonly target: string; readonly connected: boolean }>
  readonly conference: string | undefined
  readonly stream: Effect.Effect<FakeStream>
  readonly over: Effect.Effect<void>
  readonly hangUp: () => void
  readonly otherHangsUp: () => void
}

export interface FakePlivo {
  /** With `/v1`. */
  readonly url: string
  readonly authId: string
  readonly authToken: string
  readonly calls: ReadonlyArray<FakePlivoCall>
  readonly requests: ReadonlyArray<FakeRequest>
  readonly webhooks: ReadonlyArray<PlivoWebhook>
  readonly call: (options: {
    readonly answerUrl: string
    readonly hangupUrl?: string
    readonly from?: string
    readonly to?: string
    readonly id?: string
  }) => FakePlivoCall
  readonly post: (
    url: string,
    form: { readonly [name: string]: string },
    more?: { readonly nonce?: string; readonly token?: string }
  ) => Promise<PlivoWebhook>
  readonly refuseNext: (answer: FakeAnswer) => void
}

export const start = (options: FakePlivoOptions = {}): Effect.Effect<FakePlivo, never, Scope.Scope> =>
  Effect.gen(function*() {
    const authId = options.authId ?? "MAXXXXXXXXXXXXXXXXXX"
    const authToken = options.authToken ?? "plivo-auth-token"
    const requests: Array<FakeRequest> = []
    const webhooks: Array<PlivoWebhook> = []
    const calls: Array<Call> = []
    let refusal: FakeAnswer | undefined
    let counter = 0

    const sign = (url: string, form: { readonly [name: string]: string }, nonce: string, token: string): string => {
      const target = new URL(url)
      const query = Array.from(target.searchParams).map(([name, value]) => `${name}=${value}`).sort().join("&")
      const text = Object.keys(form).sort().map((name) => `${name}${form[name]}`).join("")
      const base = `${target.origin}${target.pathname}?${query}${query === "" ? "" : "."}${text}.${nonce}`
      const made = createHmac("sha256", token).update(base).digest("base64")
      if (!plivo.validateV3Signature("POST", url, nonce, token, made, { ...form })) {
        throw new Error("the official package refuses this signature")
      }
      return made
    }

    const post: FakePlivo["post"] = async (url, form, more = {}) => {
      const nonce = more.nonce ?? String(10_000_000 + ++counter)
      const response = await fetch(url, {
        method: "POST",
        body: new URLSearchParams(form),
        headers: {
          "x-plivo-signature-v3": sign(url, form, nonce, more.token ?? authToken),
          "x-plivo-signature-v3-nonce": nonce
        }
      })
      const webhook = { url, form, status: response.status, answer: await response.text() }
      webhooks.push(webhook)
      return webhook
    }

    class Call extends DirectedCall implements FakePlivoCall {
      readonly id: string
      readonly from: string
      readonly to: string
      readonly direction: "inbound" | "outbound"
      readonly verbs: Array<string> = []
      conference: string | undefined
      status = "ringing"
      hangupUrl: string | undefined

      constructor(given: {
        readonly id?: string | undefined
        readonly from: string
        readonly to: string
        readonly direction: "inbound" | "outbound"
        readonly hangupUrl: string | undefined
      }) {
        super()
        this.id = given.id ?? `12345678-1234-1234-1234-${String(++counter).padStart(12, "0")}`
        this.from = given.from
        this.to = given.to
        this.direction = given.direction
        this.hangupUrl = given.hangupUrl
      }

      get isOver(): boolean {
        return over.has(this.status)
      }

      get form(): { readonly [name: string]: string } {
        return {
          CallUUID: this.id,
          From: this.from,
          To: this.to,
          Direction: this.direction,
          CallStatus: this.status,
          BillRate: "0.0085",
          ...(this.direction === "outbound" ? { RequestUUID: this.id } : { SessionStart: "2026-01-01 00:00:00" })
        }
      }

      async tell(
        url: string | undefined,
        more: { readonly [name: string]: string }
      ): Promise<PlivoWebhook | undefined> {
        return url === undefined ? undefined : post(url, { ...this.form, ...more }).catch(() => undefined)
      }

      hangUp(): void {
        this.finish("completed", "Normal Hangup", "Callee")
      }

      finish(status: string, cause = "Normal Hangup", source = "API Request"): void {
        if (over.has(this.status)) return
        this.status = status
        this.interrupt()
        this.changed()
        void this.tell(this.hangupUrl, { Event: "Hangup", HangupCauseName: cause, HangupSource: source, Duration: "1" })
      }

      async follow(url: string, more: { readonly [name: string]: string } = { Event: "StartApp" }): Promise<void> {
        const { turn } = this
        const told = await this.tell(url, more)
        if (turn !== this.turn) return
        if (told?.status !== 200) return this.finish("failed", "Error Reaching Answer URL", "Error")
        return this.run(told.answer, turn)
      }

      replace(url: string): void {
        const turn = this.interrupt()
        if (turn === this.turn) void this.follow(url, { Event: "Redirect" })
      }

      async run(xml: string, turn: number): Promise<void> {
        const document: XmlElement = parseXml(xml)
        for (const verb of document.children) {
          if (turn !== this.turn || over.has(this.status)) return
          this.verbs.push(verb.name)
          if (verb.name === "Hangup") return this.finish(verb.attributes["reason"] === "busy" ? "busy" : "completed")
          this.status = "in-progress"
          this.changed()
          const next = await this.carryOut(verb)
          if (turn !== this.turn || over.has(this.status)) return
          if (next !== undefined) return this.follow(next.url, next.more)
        }
        if (turn === this.turn) this.finish("completed", "End Of XML Instructions", "Plivo")
      }

      async carryOut(
        verb: XmlElement
      ): Promise<{ readonly url: string; readonly more: { readonly [name: string]: string } } | undefined> {
        switch (verb.name) {
          case "Speak":
            this.said.push(verb.text)
            return undefined
          case "Redirect":
            return { url: verb.text.trim(), more: { Event: "Redirect" } }
          case "Stream":
            await this.#connect(verb)
            return undefined
          case "Dial":
          case "Conference":
            return this.#dial(verb)
          default:
            this.finish("failed", "Invalid Answer XML", "Error")
            return undefined
        }
      }

      async #connect({ attributes, text }: XmlElement): Promise<void> {
        const url = new URL(text.trim())
        const contentType = attributes["contentType"] ?? "audio/x-l16;rate=8000"
        if (
          url.protocol !== "wss:" && url.hostname !== "127.0.0.1" || !FORMAT.test(contentType) ||
          (attributes["extraHeaders"] ?? "").length > 512 || attributes["keepCallAlive"] !== "true"
        ) return this.finish("failed", "Invalid Answer XML", "Error")
        const stream = new FakeStream({
          url: url.href,
          wire: plivoProtocol({
            streamId: `stream-${++counter}`,
            callId: this.id,
            account: authId,
            contentType,
            extraHeaders: (attributes["extraHeaders"] ?? "").replaceAll(",", ";")
          }),
          misbehaviour: options.misbehaviour,
          manual: options.manual
        })
        await this.play(stream)
      }

      async #dial(
        verb: XmlElement
      ): Promise<{ readonly url: string; readonly more: { readonly [name: string]: string } } | undefined> {
        const { attributes, children, name, text } = verb
        const { turn } = this
        const target = (children[0]?.text ?? text).trim()
        const outcome = name === "Dial" ? options.outcomes?.[target] ?? "answered" : "answered"
        if (name === "Conference") this.conference = target
        else this.dialled.push({ target, connected: outcome === "answered" })
        this.changed()
        if (outcome === "answered") {
          await this.otherLeaves(() =>
            this.tell(attributes["callbackUrl"], { Event: "DialAnswer", DialAction: "answer" })
          )
          this.conference = undefined
          if (name === "Conference" && attributes["endConferenceOnExit"] === "true") {
            for (const other of calls) if (other.conference === target) other.finish("completed")
          }
        }
        const { action } = attributes
        if (action === undefined || turn !== this.turn) return undefined
        return {
          url: action,
          more: {
            Event: "DialHangup",
            DialStatus: outcome === "answered" ? "completed" : outcome,
            DialRingStatus: "true"
          }
        }
      }
    }

    const place = async (call: Call, body: Json): Promise<void> => {
      const textOf = (name: string) => typeof body[name] === "string" ? body[name] : undefined
      await call.tell(textOf("ring_url"), { Event: "Ring" })
      const outcome = options.outcomes?.[call.to] ?? "answered"
      if (outcome !== "answered") return call.finish(outcome, outcome === "busy" ? "Busy Line" : "No Answer", "Callee")
      if (over.has(call.status)) return
      call.status = "in-progress"
      call.changed()
      const going = call.follow(textOf("answer_url") ?? "")
      const detection = textOf("machine_detection_url")
      if (body["machine_detection"] === "true" && detection !== undefined) {
        await call.tell(detection, { Event: "MachineDetection", Machine: String(options.machine ?? false) })
      }
      return going
    }

    const create = (body: Json): FakeAnswer => {
      const { answer_url: answerUrl, from, hangup_url: hangupUrl, to } = body
      if (
        typeof to !== "string" || !/^\d{3,15}$|^sip:/.test(to) || typeof from !== "string" ||
        typeof answerUrl !== "string"
      ) {
        return { status: 400, body: { api_id: "a", error: `${String(to)} is not a valid phone number` } }
      }
      const call = new Call({
        from,
        to,
        direction: "outbound",
        hangupUrl: typeof hangupUrl === "string" ? hangupUrl : undefined
      })
      calls.push(call)
      void place(call, body)
      return { status: 201, body: { api_id: "a", message: "call fired", request_uuid: call.id } }
    }

    const notFound: FakeAnswer = { status: 404, body: { api_id: "a", error: "not found" } }
    const base = `/v1/Account/${authId}`

    const { url } = yield* serveHttp((request) => {
      requests.push(request)
      if (refusal !== undefined) {
        const told = refusal
        refusal = undefined
        return told
      }
      const expected = `Basic ${Buffer.from(`${authId}:${authToken}`).toString("base64")}`
      if (request.headers.authorization !== expected) return { status: 401, body: "Could not verify your access level" }
      const body: unknown = request.body === "" ? {} : JSON.parse(request.body)
      if (!isJson(body)) return { status: 400 }
      const { method, path } = request
      if (method === "POST" && path === `${base}/Call/`) return create(body)
      const [, kind = "", id = "", rest = ""] =
        /^\/v1\/Account\/[^/]+\/(Call|Request)\/([^/]+)\/(DTMF\/)?$/.exec(path) ?? []
      const call = calls.find((each) => each.id === decodeURIComponent(id))
      if (call === undefined || over.has(call.status)) return notFound
      const isLive = call.status === "in-progress"
      if (method === "DELETE" && kind === (isLive || call.direction === "inbound" ? "Call" : "Request")) {
        call.finish(isLive ? "completed" : "cancel")
        return { status: 204 }
      }
      if (kind !== "Call" || method !== "POST" || !isLive) return notFound
      if (rest === "DTMF/") {
        if (typeof body["digits"] !== "string" || !/^[0-9*#wW]+$/.test(body["digits"])) return { status: 400 }
        call.digits.push(body["digits"])
        call.changed()
        return { status: 202, body: { api_id: "a", message: "digits sent" } }
      }
      if (body["legs"] === "aleg" && typeof body["aleg_url"] === "string") {
        call.replace(body["aleg_url"])
        return { status: 202, body: { api_id: "a", message: "call transferred", call_uuids: [call.id] } }
      }
      return { status: 400 }
    })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const call of calls) {
          call.hangupUrl = undefined
          call.status = "completed"
          call.abandon()
        }
      })
    )

    return {
      url: `${url}/v1`,
      authId,
      authToken,
      calls,
      requests,
      webhooks,
      call: ({ answerUrl, from = "15550100", hangupUrl, id, to = "15550101" }) => {
        const call = new Call({ id, from, to, direction: "inbound", hangupUrl })
        calls.push(call)
        void call.follow(answerUrl)
        return call
      },
      post,
      refuseNext: (answer) => {
        refusal = answer
      }
    }
  })
