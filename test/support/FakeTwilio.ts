/**
 * Twilio's voice: its REST interface, its webhooks (signed as the official package signs them), TwiML that it fetches and carries out, and
 * Media Streams. Built from the documentation; the official client is held against it in `test/providers/telephony`.
 */
import { Effect, type Scope } from "effect"
import { Buffer } from "node:buffer"
import { getExpectedTwilioSignature } from "twilio/lib/webhooks/webhooks.js"
import { CarrierCall } from "./FakeCall.ts"
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

export const ACCOUNT = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
export const TOKEN = "a token of twilio's account"

/** How somebody who is dialled behaves. */
export type DialOutcome = "answered" | "declines" | "busy" | "no-answer" | "failed"

export interface FakeTwilioOptions {
  readonly accountSid?: string
  readonly authToken?: string
  /** API keys with their secrets. */
  readonly apiKeys?: { readonly [sid: string]: string }
  /** Who is dialled, by number, SIP address or name of a queue. Default: they answer. */
  readonly outcomes?: { readonly [target: string]: DialOutcome }
  /** Who answers a call that is made. Default: nobody asks. */
  readonly answeredBy?: string
  /** SignalWire's codec of a stream: encoding and rate. Default: µ-law at 8 kHz, unless `<Stream codec>` asks for another. */
  readonly misbehaviour?: Misbehaviour
  /** Whether streams are ticked by the test. Default: they go in real time. */
  readonly manual?: boolean
}

export interface Webhook {
  readonly url: string
  readonly parameters: { readonly [name: string]: string }
  readonly status: number
  readonly body: string
}

/** What was said, or pressed, on another leg before it was connected. */
export interface OtherLeg {
  readonly target: string
  readonly heard: ReadonlyArray<string>
  readonly connected: boolean
}

export interface FakeCall extends Watched {
  readonly sid: string
  readonly from: string
  readonly to: string
  readonly direction: "inbound" | "outbound-api"
  /** As Twilio calls it: `queued`, `ringing`, `in-progress`, `completed`, `busy`, `no-answer`, `failed`, `canceled`. */
  readonly status: string
  /** The names of the verbs that were carried out, in order. */
  readonly verbs: ReadonlyArray<string>
  readonly streams: ReadonlyArray<FakeStream>
  readonly dialled: ReadonlyArray<OtherLeg>
  readonly said: ReadonlyArray<string>
  readonly played: ReadonlyArray<string>
  /** The newest stream, once it is there. */
  readonly stream: Effect.Effect<FakeStream>
  readonly over: Effect.Effect<void>
  readonly hangUp: () => void
  /** The person who was connected hangs up. */
  readonly otherHangsUp: () => void
}

export interface FakeTwilio {
  /** Of its REST interface, as `2010-04-01` is part of it. */
  readonly url: string
  readonly accountSid: string
  readonly authToken: string
  readonly calls: ReadonlyArray<FakeCall>
  readonly requests: ReadonlyArray<FakeRequest>
  readonly webhooks: ReadonlyArray<Webhook>
  /** Somebody calls a number whose answer URL this is. */
  readonly call: (options: {
    readonly url: string
    readonly from?: string
    readonly to?: string
    readonly accountSid?: string
    readonly sid?: string
    readonly misbehaviour?: Misbehaviour
    /** Signs with another token. */
    readonly authToken?: string
    /** What is asked where the answer URL fails. */
    readonly fallbackUrl?: string
  }) => FakeCall
  /** A signed request, as a webhook is; or signed by another token. */
  readonly post: (url: string, parameters: { readonly [name: string]: string }, authToken?: string) => Promise<Webhook>
  /** The next calls to it that a test does not expect are answered so. */
  readonly refuseNext: (answer: FakeAnswer) => void
  readonly sign: (url: string, parameters?: { readonly [name: string]: string }) => string
}

let counter = 0
const sidOf = (prefix: string): string => `${prefix}${(++counter).toString(16).padStart(32, "0")}`

/** The messages of a stream of Twilio's. */
export const twilioProtocol = (options: {
  readonly accountSid: string
  readonly callSid: string
  readonly streamSid: string
  readonly parameters: { readonly [name: string]: string }
  readonly codec?: string | undefined
}): CarrierProtocol => {
  const { accountSid, callSid, codec, parameters, streamSid } = options
  const rate = /^L16@(\d+)h$/.exec(codec ?? "")?.[1]
  const sampleRate = rate === undefined ? 8_000 : Number(rate)
  const encoding = rate === undefined ? "mulaw" : "l16"
  let sequence = 0
  const message = (event: string, more: Json): Json => ({
    event,
    sequenceNumber: String(++sequence),
    streamSid,
    ...more
  })
  const read = (data: string | Buffer): Asked => {
    const fault = (reason: string): Asked => ({ _tag: "Fault", reason })
    if (typeof data !== "string") return fault("31951: a binary message")
    let asked: unknown
    try {
      asked = JSON.parse(data)
    } catch {
      return fault("31951: not JSON")
    }
    if (!isJson(asked)) return fault("31951: not an object")
    if (asked["streamSid"] !== streamSid) return fault("31951: another streamSid")
    switch (asked["event"]) {
      case "media": {
        const payload = isJson(asked["media"]) ? asked["media"]["payload"] : undefined
        if (typeof payload !== "string" || !/^[A-Za-z0-9+/]+={0,2}$/.test(payload) || payload.length % 4 !== 0) {
          return fault("31951: media without base64")
        }
        return { _tag: "Audio", payload: Buffer.from(payload, "base64") }
      }
      case "mark": {
        const name = isJson(asked["mark"]) ? asked["mark"]["name"] : undefined
        return typeof name === "string" && name !== "" ? { _tag: "Mark", name } : fault("31951: a mark without a name")
      }
      case "clear":
        return { _tag: "Clear" }
      default:
        return fault("31951: an unknown event")
    }
  }
  return {
    encoding,
    sampleRate,
    first: () => [
      { event: "connected", protocol: "Call", version: "1.0.0" },
      message("start", {
        start: {
          accountSid,
          streamSid,
          callSid,
          tracks: ["inbound"],
          mediaFormat: {
            encoding: encoding === "mulaw" ? "audio/x-mulaw" : "audio/x-l16",
            sampleRate,
            channels: 1
          },
          customParameters: parameters
        }
      })
    ],
    media: (chunk, payload) =>
      message("media", {
        media: {
          track: "inbound",
          chunk: String(chunk),
          timestamp: String((chunk - 1) * 20),
          payload: payload.toString("base64")
        }
      }),
    dtmf: (digit) => message("dtmf", { dtmf: { track: "inbound_track", digit } }),
    played: (name) => message("mark", { mark: { name } }),
    stop: () => message("stop", { stop: { accountSid, callSid } }),
    read,
    answersCleared: true
  }
}

const isOver = (status: string): boolean => ["completed", "busy", "no-answer", "failed", "canceled"].includes(status)

export const start = Effect.fnUntraced(
  function*(options: FakeTwilioOptions = {}): Effect.fn.Return<FakeTwilio, never, Scope.Scope> {
    const { accountSid = ACCOUNT, authToken = TOKEN } = options
    const calls: Array<Call> = []
    const requests: Array<FakeRequest> = []
    const webhooks: Array<Webhook> = []
    let refusal: FakeAnswer | undefined

    const sign = (url: string, parameters: { readonly [name: string]: string } = {}, token = authToken): string =>
      getExpectedTwilioSignature(token, url, { ...parameters })

    const post = async (
      url: string,
      parameters: { readonly [name: string]: string },
      token = authToken
    ): Promise<Webhook> => {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/x-www-form-urlencoded; charset=utf-8",
          "user-agent": "TwilioProxy/1.1",
          // a connection that is kept would be lost with the process that has it, and the request with it
          connection: "close",
          "i-twilio-idempotency-token": `${++counter}`,
          "x-twilio-signature": sign(url, parameters, token)
        },
        body: new URLSearchParams(parameters).toString()
      })
      const told = { url, parameters, status: response.status, body: await response.text() }
      webhooks.push(told)
      return told
    }

    class Call extends CarrierCall implements FakeCall {
      readonly sid: string
      readonly from: string
      readonly to: string
      readonly direction: FakeCall["direction"]
      readonly account: string
      readonly token: string
      readonly misbehaviour: Misbehaviour | undefined
      readonly verbs: Array<string> = []
      readonly dialled: Array<OtherLeg> = []
      readonly played: Array<string> = []
      status = "ringing"
      /** Changes when another document replaces the one that is carried out. */
      turn = 0
      statusCallback: string | undefined
      #endOther: (() => void) | undefined
      #otherHasLeft = false
      #action: string | undefined

      constructor(
        given: Partial<Pick<Call, "sid" | "from" | "to" | "direction" | "account" | "token" | "misbehaviour">>
      ) {
        super()
        this.sid = given.sid ?? sidOf("CA")
        this.from = given.from ?? "+15550100"
        this.to = given.to ?? "+15550101"
        this.direction = given.direction ?? "inbound"
        this.account = given.account ?? accountSid
        this.token = given.token ?? authToken
        this.misbehaviour = given.misbehaviour ?? options.misbehaviour
      }

      get parameters(): { readonly [name: string]: string } {
        return {
          CallSid: this.sid,
          AccountSid: this.account,
          From: this.from,
          To: this.to,
          CallStatus: this.status,
          Direction: this.direction,
          ApiVersion: "2010-04-01"
        }
      }

      get isOver(): boolean {
        return isOver(this.status)
      }

      hangUp(): void {
        this.finish("completed")
      }

      otherHangsUp(): void {
        this.#otherHasLeft = true
        this.#endOther?.()
      }

      async #otherLeaves(): Promise<void> {
        if (!this.#otherHasLeft) {
          await new Promise<void>((resolve) => {
            this.#endOther = resolve
          })
        }
        this.#endOther = undefined
        this.#otherHasLeft = false
      }

      finish(status: string): void {
        if (isOver(this.status)) return
        this.status = status
        this.turn++
        for (const stream of this.streams) stream.stop()
        this.#endOther?.()
        this.changed()
        this.report()
        // what follows a stream is asked when the call is over, too
        if (this.#action !== undefined) void post(this.#action, this.parameters, this.token).catch(() => {})
      }

      report(): void {
        if (this.statusCallback !== undefined) {
          const duration: Json = isOver(this.status) ? { CallDuration: "1" } : {}
          void post(this.statusCallback, { ...this.parameters, ...duration as { CallDuration?: string } }, this.token)
            .catch(() => {})
        }
      }

      /** Carries out another document in place of the present one. */
      replace(xml: string): void {
        const turn = ++this.turn
        this.#action = undefined
        for (const stream of this.streams) stream.stop()
        this.#endOther?.()
        void this.run(xml, turn)
      }

      async fetch(url: string, more: { readonly [name: string]: string } = {}): Promise<string | undefined> {
        const told = await post(url, { ...this.parameters, ...more }, this.token).catch(() => undefined)
        return told?.status === 200 ? told.body : undefined
      }

      async follow(url: string, turn: number, more: { readonly [name: string]: string } = {}): Promise<void> {
        const xml = await this.fetch(url, more)
        if (turn !== this.turn) return
        // 11200: what cannot be fetched ends the call
        if (xml === undefined) return this.finish(this.status === "in-progress" ? "completed" : "failed")
        return this.run(xml, turn)
      }

      async run(xml: string, turn: number): Promise<void> {
        let document: XmlElement
        try {
          document = parseXml(xml)
        } catch {
          return this.finish("failed")
        }
        for (const verb of document.children) {
          if (turn !== this.turn || isOver(this.status)) return
          if (verb.name !== "Reject" && this.status !== "in-progress") {
            this.status = "in-progress"
            this.changed()
          }
          this.verbs.push(verb.name)
          const next = await this.carryOut(verb, turn)
          if (turn !== this.turn || isOver(this.status)) return
          if (next !== undefined) return this.follow(next.url, turn, next.more)
        }
        if (turn === this.turn) this.finish("completed")
      }

      /** Gives what is asked next, where it is not the next verb. */
      async carryOut(
        verb: XmlElement,
        turn: number
      ): Promise<{ readonly url: string; readonly more?: { readonly [name: string]: string } } | undefined> {
        switch (verb.name) {
          case "Connect": {
            const stream = verb.children.find(({ name }) => name === "Stream")
            const { action } = verb.attributes
            this.#action = action
            if (stream !== undefined) await this.connect(stream)
            if (turn === this.turn) this.#action = undefined
            return action === undefined ? undefined : { url: action }
          }
          case "Hangup":
            this.finish("completed")
            return undefined
          case "Reject":
            this.finish(verb.attributes["reason"] === "busy" ? "busy" : "failed")
            return undefined
          case "Pause":
            await new Promise((resolve) => setTimeout(resolve, 1_000 * Number(verb.attributes["length"] ?? 1)))
            return undefined
          case "Say":
            this.said.push(verb.text)
            return undefined
          case "Play":
            this.played.push(verb.attributes["digits"] ?? verb.text)
            return undefined
          case "Redirect":
            return { url: verb.text.trim() }
          case "Dial":
            return this.dial(verb, turn)
          case "Enqueue":
            return this.enqueue(verb)
          default:
            return undefined
        }
      }

      async connect(element: XmlElement): Promise<void> {
        const { codec, statusCallback, url = "" } = element.attributes
        const streamSid = sidOf("MZ")
        const parameters = Object.fromEntries(
          element.children.filter(({ name }) => name === "Parameter").map(({ attributes }) =>
            [attributes["name"] ?? "", attributes["value"] ?? ""] as const
          )
        )
        const target = new URL(url)
        if (target.protocol !== "wss:" && target.hostname !== "127.0.0.1") return this.finish("failed")
        const stream = new FakeStream({
          // 31920: a query is not sent
          url: `${target.origin}${target.pathname}`,
          headers: { "x-twilio-signature": sign(url, {}, this.token), "user-agent": "Twilio.TmeWs/1.0" },
          wire: twilioProtocol({ accountSid: this.account, callSid: this.sid, streamSid, parameters, codec }),
          misbehaviour: this.misbehaviour,
          manual: options.manual
        })
        this.streams.push(stream)
        this.changed()
        const tell = (event: string) => {
          if (statusCallback === undefined) return
          void post(statusCallback, { ...this.parameters, StreamSid: streamSid, StreamEvent: event }, this.token).catch(
            () => {}
          )
        }
        await stream.opening
        tell(stream.isOpen ? "stream-started" : "stream-error")
        await stream.ending
        tell("stream-stopped")
        this.changed()
      }

      async dial(
        verb: XmlElement,
        turn: number
      ): Promise<{ url: string; more: { [name: string]: string } } | undefined> {
        const [noun] = verb.children
        const target = (noun?.text ?? verb.text).trim()
        const outcome = options.outcomes?.[target] ?? "answered"
        const heard: Array<string> = []
        const whisper = noun?.attributes["url"]
        let connected = outcome === "answered"
        const leg = { CallSid: sidOf("CA"), ParentCallSid: this.sid, To: target, CallStatus: "in-progress" }
        let next = connected || outcome === "declines" ? whisper : undefined
        while (next !== undefined) {
          const xml: string | undefined = await this.fetch(next, leg)
          next = undefined
          for (const { attributes, name, text } of xml === undefined ? [] : parseXml(xml).children) {
            if (name === "Say") heard.push(text)
            if (name === "Play") heard.push(attributes["digits"] ?? text)
            if (name === "Hangup") connected = false
            // who declines hangs up when they have heard what it is about
            if (name === "Redirect" && outcome !== "declines") next = text.trim()
          }
        }
        if (turn !== this.turn) return undefined
        this.dialled.push({ target, heard, connected })
        this.changed()
        if (connected) {
          await this.#otherLeaves()
        }
        const { action } = verb.attributes
        if (action === undefined) return undefined
        const status = outcome === "answered" || outcome === "declines" ? "completed" : outcome
        return { url: action, more: { DialCallStatus: status, DialCallSid: sidOf("CA") } }
      }

      async enqueue(verb: XmlElement): Promise<{ url: string; more: { [name: string]: string } } | undefined> {
        const target = verb.text.trim()
        const outcome = options.outcomes?.[target] ?? "answered"
        this.dialled.push({ target, heard: [], connected: outcome === "answered" })
        const { waitUrl } = verb.attributes
        if (outcome === "answered" && waitUrl !== undefined) await this.fetch(waitUrl, { QueueSid: sidOf("QU") })
        this.changed()
        if (outcome === "answered") {
          await this.#otherLeaves()
        }
        const { action } = verb.attributes
        if (action === undefined) return undefined
        return {
          url: action,
          more: { QueueResult: outcome === "answered" ? "bridged" : "queue-full", QueueSid: sidOf("QU") }
        }
      }
    }

    const isAuthorised = (request: FakeRequest): boolean => {
      const [name, secret] = Buffer.from((request.headers.authorization ?? "").replace(/^Basic /, ""), "base64")
        .toString()
        .split(/:(.*)/s)
      return name === accountSid
        ? secret === authToken
        : name !== undefined && options.apiKeys?.[name] === secret && secret !== undefined
    }

    const fault = (status: number, code: number, message: string): FakeAnswer => ({
      status,
      body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status },
      headers: { "twilio-request-id": `RQ${counter}` }
    })

    const resource = (call: Call): Json => ({
      sid: call.sid,
      account_sid: call.account,
      from: call.from,
      to: call.to,
      status: call.status,
      direction: call.direction,
      api_version: "2010-04-01",
      uri: `/2010-04-01/Accounts/${accountSid}/Calls/${call.sid}.json`
    })
    const answered = (status: number, body: Json): FakeAnswer => ({
      status,
      body,
      headers: { "twilio-request-id": `RQ${++counter}` }
    })

    /** A call that is made: it rings, and is answered or not. */
    const place = async (call: Call, form: URLSearchParams): Promise<void> => {
      call.statusCallback = form.get("StatusCallback") ?? undefined
      const events = new Set(form.getAll("StatusCallbackEvent"))
      const tell = async (status: string, event: string) => {
        if (isOver(call.status)) return
        call.status = status
        call.changed()
        if (call.statusCallback !== undefined && events.has(event)) {
          await post(call.statusCallback, call.parameters)
            .catch(() => {})
        }
      }
      await tell("queued", "initiated")
      await tell("ringing", "ringing")
      const outcome = options.outcomes?.[call.to] ?? "answered"
      if (outcome !== "answered") return call.finish(outcome)
      if (isOver(call.status)) return
      await tell("in-progress", "answered")
      const detection = form.get("AsyncAmdStatusCallback")
      if (form.has("MachineDetection") && detection !== null) {
        const AnsweredBy = options.answeredBy ?? "human"
        void post(detection, {
          CallSid: call.sid,
          AccountSid: accountSid,
          AnsweredBy,
          MachineDetectionDuration: "1200"
        }).catch(() => {})
      }
      const twiml = form.get("Twiml")
      if (twiml !== null) return call.run(twiml, call.turn)
      return call.follow(form.get("Url") ?? "", call.turn)
    }

    const E164 = /^(?:\+[1-9]\d{1,14}|sip:.+@.+|client:.+)$/

    const create = (request: FakeRequest): FakeAnswer => {
      const form = new URLSearchParams(request.body)
      const to = form.get("To") ?? ""
      if (!E164.test(to)) return fault(400, 21_211, `Invalid 'To' Phone Number: ${to}`)
      if (!E164.test(form.get("From") ?? "")) return fault(400, 21_212, "Invalid 'From' Phone Number")
      if (!form.has("Url") && !form.has("Twiml")) return fault(400, 21_205, "Url parameter is required.")
      const call = new Call({ from: form.get("From") ?? "", to, direction: "outbound-api" })
      call.status = "queued"
      calls.push(call)
      void place(call, form)
      return answered(201, resource(call))
    }

    const update = (sid: string, request: FakeRequest): FakeAnswer => {
      const call = calls.find((each) => each.sid === sid)
      const form = new URLSearchParams(request.body)
      if (call === undefined) return fault(404, 20_404, `The requested resource ${request.path} was not found`)
      const status = form.get("Status")
      if (status !== null) {
        if (isOver(call.status)) return fault(404, 20_404, `The requested resource ${request.path} was not found`)
        if (status !== "completed" && status !== "canceled") return fault(400, 21_218, "Invalid Status")
        call.finish(status)
        return answered(200, resource(call))
      }
      if (call.status !== "in-progress") return fault(400, 21_220, "Call is not in-progress. Cannot redirect.")
      const twiml = form.get("Twiml")
      if (twiml !== null) {
        try {
          parseXml(twiml)
        } catch {
          return fault(400, 12_100, "Document parse failure")
        }
        call.replace(twiml)
      } else {
        const url = form.get("Url")
        if (url === null) return fault(400, 20_001, "nothing to update")
        call.replace(`<Response><Redirect>${url.replaceAll("&", "&amp;")}</Redirect></Response>`)
      }
      return answered(200, resource(call))
    }

    const base = `/2010-04-01/Accounts/${accountSid}/Calls`
    const { url } = yield* serveHttp((request) => {
      requests.push(request)
      if (refusal !== undefined) {
        const told = refusal
        refusal = undefined
        return told
      }
      if (!isAuthorised(request)) return fault(401, 20_003, "Authenticate")
      if (request.method === "POST" && request.path === `${base}.json`) return create(request)
      const sid = new RegExp(`^${base}/([^/]+)\\.json$`).exec(request.path)?.[1]
      if (sid !== undefined && request.method === "POST") return update(decodeURIComponent(sid), request)
      const call = calls.find((each) => each.sid === sid)
      if (call !== undefined && request.method === "GET") return answered(200, resource(call))
      return fault(404, 20_404, `The requested resource ${request.path} was not found`)
    })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const call of calls) {
          call.status = "completed"
          call.turn++
          for (const stream of call.streams) stream.cut()
          call.otherHangsUp()
        }
      })
    )

    return {
      url: `${url}/2010-04-01`,
      accountSid,
      authToken,
      calls,
      requests,
      webhooks,
      call: ({ accountSid: account, authToken: token, fallbackUrl, from, misbehaviour, sid, to, url: answer }) => {
        const call = new Call({
          ...(sid === undefined ? {} : { sid }),
          ...(from === undefined ? {} : { from }),
          ...(to === undefined ? {} : { to }),
          ...(account === undefined ? {} : { account }),
          ...(token === undefined ? {} : { token }),
          misbehaviour: misbehaviour ?? options.misbehaviour
        })
        calls.push(call)
        const begin = async () => {
          const xml = await call.fetch(answer) ??
            (fallbackUrl === undefined ? undefined : await call.fetch(fallbackUrl))
          if (xml === undefined) return call.finish("failed")
          return call.run(xml, call.turn)
        }
        void begin()
        return call
      },
      post,
      refuseNext: (answer) => {
        refusal = answer
      },
      sign: (target, parameters) => sign(target, parameters)
    }
  }
)
