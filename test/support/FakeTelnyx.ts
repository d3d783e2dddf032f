/**
 * Telnyx' Call Control interface and TeXML as its documents have them: signed webhooks, `/v2/calls`, the media stream in `rtp` mode.
 *
 * Its signatures are what the official package verifies.
 */
import { Effect, type Scope } from "effect"
import { Buffer } from "node:buffer"
import { generateKeyPairSync, sign as signBytes } from "node:crypto"
import { CarrierCall } from "./FakeCall.ts"
import {
  type Asked,
  type CarrierProtocol,
  type Encoding,
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

export interface FakeTelnyxOptions {
  readonly apiKey?: string
  /** What becomes of calls to these numbers. Default: answered. */
  readonly outcomes?: { readonly [number: string]: TelnyxOutcome }
  /** What answers a call that asks for a detection. Default: human. */
  readonly answeredBy?: "human" | "machine" | "beep" | "not_sure"
  readonly misbehaviour?: Misbehaviour
  readonly manual?: boolean
}

/** `answered`, or the cause of the hang-up. */
export type TelnyxOutcome = "answered" | "user_busy" | "timeout" | "call_rejected" | "unallocated_number"

const encodings: { readonly [codec: string]: Encoding } = { PCMU: "mulaw", PCMA: "alaw", L16: "l16" }

/** The messages of one stream. */
export const telnyxProtocol = (given: {
  readonly streamId: string
  readonly callId: string
  readonly from: string
  readonly to: string
  readonly codec: string
  readonly rate: number
  readonly parameters: { readonly [name: string]: string }
  readonly token?: string | undefined
}): CarrierProtocol => {
  const { callId, codec, from, parameters, rate, streamId, to, token } = given
  const encoding = encodings[codec] ?? "mulaw"
  let sequence = 0
  const next = () => ({ sequence_number: String(++sequence), stream_id: streamId })
  return {
    encoding,
    sampleRate: rate,
    first: () => [
      {
        event: "connected",
        version: "1.0.0",
        ...(token === undefined ? {} : { "x-telnyx-streaming-auth-token": token })
      },
      {
        event: "start",
        ...next(),
        start: {
          user_id: "3e6f995f",
          call_control_id: callId,
          call_session_id: "ff55a038",
          from,
          to,
          ...(Object.keys(parameters).length === 0 ? {} : { custom_parameters: parameters }),
          media_format: { encoding: codec, sample_rate: rate, channels: 1 }
        }
      }
    ],
    media: (chunk, payload) => ({
      event: "media",
      ...next(),
      media: {
        track: "inbound",
        chunk: String(chunk),
        timestamp: String(chunk * 20),
        payload: payload.toString("base64")
      }
    }),
    dtmf: (digit) => ({ event: "dtmf", ...next(), occurred_at: new Date().toISOString(), dtmf: { digit } }),
    played: (name) => ({ event: "mark", ...next(), mark: { name } }),
    stop: () => ({ event: "stop", ...next(), stop: { user_id: "3e6f995f", call_control_id: callId } }),
    answersCleared: true,
    read: (message): Asked => {
      if (typeof message !== "string") return { _tag: "Fault", reason: "a binary message" }
      const value: unknown = JSON.parse(message)
      if (!isJson(value)) return { _tag: "Fault", reason: "no JSON object" }
      const { mark, media } = value
      if (value["event"] === "clear") return { _tag: "Clear" }
      if (value["event"] === "mark" && isJson(mark) && typeof mark["name"] === "string") {
        return { _tag: "Mark", name: mark["name"] }
      }
      if (value["event"] === "media" && isJson(media) && typeof media["payload"] === "string") {
        const payload = Buffer.from(media["payload"], "base64")
        const ms = payload.length * 1_000 / rate / (encoding === "l16" ? 2 : 1)
        return ms >= 20 && ms <= 30_000
          ? { _tag: "Audio", payload }
          : { _tag: "Fault", reason: `a chunk of ${ms} ms: expected 20 ms to 30 s` }
      }
      return { _tag: "Fault", reason: "an unknown message" }
    }
  }
}

export interface TelnyxWebhook {
  readonly url: string
  readonly body: string
  readonly status: number
  readonly answer: string
}

export interface FakeTelnyxCall extends Watched {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly state: "parked" | "answered" | "bridged" | "over"
  /** Commands, as they were carried out. */
  readonly commands: ReadonlyArray<string>
  readonly streams: ReadonlyArray<FakeStream>
  readonly said: ReadonlyArray<string>
  readonly digits: ReadonlyArray<string>
  readonly dialled: ReadonlyArray<{ readonly target: string; readonly connected: boolean }>
  readonly bridgedWith: string | undefined
  readonly queue: string | undefined
  readonly stream: Effect.Effect<FakeStream>
  readonly over: Effect.Effect<void>
  readonly hangUp: () => void
}

export interface FakeTelnyx {
  /** With `/v2`. */
  readonly url: string
  readonly apiKey: string
  readonly publicKey: string
  readonly calls: ReadonlyArray<FakeTelnyxCall>
  readonly requests: ReadonlyArray<FakeRequest>
  readonly webhooks: ReadonlyArray<TelnyxWebhook>
  /** Someone calls a number of a Call Control application, or of a TeXML application. */
  readonly call: (options: {
    readonly webhookUrl: string
    readonly texml?: boolean
    readonly from?: string
    readonly to?: string
    readonly id?: string
    readonly connectionId?: string
  }) => FakeTelnyxCall
  readonly post: (url: string, body: string, type: string, timestamp?: number) => Promise<TelnyxWebhook>
  readonly sign: (timestamp: string, body: string) => string
  readonly refuseNext: (answer: FakeAnswer) => void
}

const STREAM_RATES = new Set([8_000, 16_000, 22_050, 24_000, 48_000])

export const start = (options: FakeTelnyxOptions = {}): Effect.Effect<FakeTelnyx, never, Scope.Scope> =>
  Effect.gen(function*() {
    const apiKey = options.apiKey ?? "KEY0123456789"
    const pair = generateKeyPairSync("ed25519")
    const jwk = pair.publicKey.export({ format: "jwk" })
    const publicKey = Buffer.from(jwk.x ?? "", "base64url").toString("base64")
    const requests: Array<FakeRequest> = []
    const webhooks: Array<TelnyxWebhook> = []
    const calls: Array<Call> = []
    const commandIds = new Map<string, FakeAnswer>()
    let refusal: FakeAnswer | undefined
    let counter = 0

    const sign = (timestamp: string, body: string): string =>
      signBytes(null, Buffer.from(`${timestamp}|${body}`), pair.privateKey).toString("base64")

    const post: FakeTelnyx["post"] = async (url, body, type, timestamp = Math.floor(Date.now() / 1_000)) => {
      const at = String(timestamp)
      const response = await fetch(url, {
        method: "POST",
        body,
        headers: { "content-type": type, "telnyx-timestamp": at, "telnyx-signature-ed25519": sign(at, body) }
      })
      const webhook = { url, body, status: response.status, answer: await response.text() }
      webhooks.push(webhook)
      return webhook
    }

    class Call extends CarrierCall implements FakeTelnyxCall {
      readonly id: string
      readonly from: string
      readonly to: string
      readonly direction: "incoming" | "outgoing"
      readonly connectionId: string
      readonly commands: Array<string> = []
      readonly digits: Array<string> = []
      readonly dialled: Array<{ readonly target: string; connected: boolean }> = []
      readonly isTexml: boolean
      bridgedWith: string | undefined
      queue: string | undefined
      state: "parked" | "answered" | "bridged" | "over" = "parked"
      webhookUrl: string | undefined
      clientState: string | undefined

      constructor(given: {
        readonly id?: string | undefined
        readonly from: string
        readonly to: string
        readonly direction: "incoming" | "outgoing"
        readonly connectionId: string
        readonly webhookUrl: string | undefined
        readonly isTexml?: boolean
      }) {
        super()
        this.id = given.id ?? `v3:call-${++counter}`
        this.from = given.from
        this.to = given.to
        this.direction = given.direction
        this.connectionId = given.connectionId
        this.webhookUrl = given.webhookUrl
        this.isTexml = given.isTexml ?? false
      }

      get isOver(): boolean {
        return this.state === "over"
      }

      async tell(eventType: string, more: Json = {}): Promise<void> {
        if (this.webhookUrl === undefined || this.isTexml) return
        await post(
          this.webhookUrl,
          JSON.stringify({
            data: {
              record_type: "event",
              event_type: eventType,
              id: `event-${++counter}`,
              occurred_at: new Date().toISOString(),
              payload: {
                call_control_id: this.id,
                call_leg_id: `leg-${this.id}`,
                call_session_id: `session-${this.id}`,
                connection_id: this.connectionId,
                from: this.from,
                to: this.to,
                direction: this.direction,
                ...(this.clientState === undefined ? {} : { client_state: this.clientState }),
                ...more
              }
            },
            meta: { attempt: 1, delivered_to: this.webhookUrl }
          }),
          "application/json"
        ).catch(() => {})
      }

      hangUp(): void {
        this.finish("normal_clearing", this.direction === "incoming" ? "caller" : "callee")
      }

      finish(cause: string, source = "unknown"): void {
        if (this.state === "over") return
        this.state = "over"
        for (const stream of this.streams) stream.stop()
        this.changed()
        void this.tell("call.hangup", {
          hangup_cause: cause,
          hangup_source: source,
          state: "hangup",
          sip_hangup_cause: "200"
        })
        const other = calls.find(({ id }) => id === this.bridgedWith)
        if (other !== undefined && other.state !== "over") other.finish("normal_clearing", "callee")
      }

      async open(body: Json, parameters: { readonly [name: string]: string }): Promise<void> {
        const url = String(body["stream_url"])
        const codec = String(body["stream_bidirectional_codec"] ?? "PCMU")
        const rate = Number(body["stream_bidirectional_sampling_rate"] ?? 8_000)
        const token = typeof body["stream_auth_token"] === "string" ? body["stream_auth_token"] : undefined
        const stream = new FakeStream({
          url,
          headers: token === undefined ? {} : { "x-telnyx-streaming-auth-token": token },
          wire: telnyxProtocol({
            streamId: `stream-${++counter}`,
            callId: this.id,
            from: this.from,
            to: this.to,
            codec,
            rate,
            parameters,
            token
          }),
          misbehaviour: options.misbehaviour,
          manual: options.manual
        })
        this.streams.push(stream)
        this.changed()
        await stream.opening
        void this.tell(stream.isOpen ? "streaming.started" : "streaming.failed", { stream_url: url })
        await stream.ending
        void this.tell("streaming.stopped", { stream_url: url })
        this.changed()
        // TeXML goes on with the next verb: there is none
        if (this.isTexml && this.state === "answered") this.finish("normal_clearing")
      }

      async texml(url: string): Promise<void> {
        const form = new URLSearchParams({
          AccountSid: "19a75cea",
          CallSid: this.id,
          ConnectionId: this.connectionId,
          From: this.from,
          To: this.to,
          CallStatus: "ringing",
          Direction: "inbound"
        })
        const told = await post(url, form.toString(), "application/x-www-form-urlencoded").catch(() => undefined)
        if (this.state === "over") return
        const document: XmlElement | undefined = told?.status === 200 ? parseXml(told.answer) : undefined
        const [verb] = document?.children ?? []
        const [stream] = verb?.children ?? []
        if (verb?.name !== "Connect" || stream?.name !== "Stream") return this.finish("call_rejected")
        this.state = "answered"
        this.commands.push("Connect")
        this.changed()
        const { attributes, children } = stream
        if (attributes["bidirectionalMode"] !== "rtp") return this.finish("call_rejected")
        return this.open(
          {
            stream_url: attributes["url"],
            stream_bidirectional_codec: attributes["bidirectionalCodec"],
            stream_bidirectional_sampling_rate: attributes["bidirectionalSamplingRate"]
          },
          Object.fromEntries(
            children.map(({ attributes }) => [attributes["name"] ?? "", attributes["value"] ?? ""] as const)
          )
        )
      }
    }

    const fault = (status: number, code: string, title: string): FakeAnswer => ({
      status,
      body: { errors: [{ code, title, detail: "of +15550100" }] },
      headers: { "x-request-id": `r${counter}` }
    })
    const ok: FakeAnswer = { status: 200, body: { data: { result: "ok" } } }

    const faultOfStream = (body: Json): FakeAnswer | undefined => {
      const url = URL.canParse(String(body["stream_url"])) ? new URL(String(body["stream_url"])) : undefined
      const isFine = url !== undefined && (url.protocol === "wss:" || url.hostname === "127.0.0.1") &&
        body["stream_bidirectional_mode"] === "rtp" &&
        String(body["stream_bidirectional_codec"]) in encodings &&
        STREAM_RATES.has(Number(body["stream_bidirectional_sampling_rate"]))
      return isFine ? undefined : fault(422, "10015", "Bad Request")
    }

    const place = async (call: Call, body: Json): Promise<void> => {
      await call.tell("call.initiated", { state: "bridging" })
      if (call.state === "over") return
      const outcome = options.outcomes?.[call.to] ?? "answered"
      if (outcome !== "answered") return call.finish(outcome, "callee")
      call.state = "answered"
      call.changed()
      await call.tell("call.answered", { state: "answered" })
      if (typeof body["stream_url"] === "string") void call.open(body, {})
      const detection = body["answering_machine_detection"]
      if (typeof detection === "string" && detection !== "disabled") {
        const answeredBy = options.answeredBy ?? "human"
        const kind = detection === "premium" ? "call.machine.premium" : "call.machine"
        const result = answeredBy === "beep" ? "machine" : answeredBy
        const named = detection === "premium" && result === "human" ? "human_residence" : result
        await call.tell(`${kind}.detection.ended`, { result: named })
        if (answeredBy === "beep" && detection !== "detect") {
          await call.tell(`${kind}.greeting.ended`, { result: "beep_detected" })
        }
      }
    }

    const create = (body: Json): FakeAnswer => {
      const { command_id: commandId, connection_id: connectionId, from, to } = body
      const known = commandIds.get(String(commandId))
      if (commandId !== undefined && known !== undefined) return known
      if (typeof to !== "string" || !/^\+\d{3,15}$|^sip:/.test(to) || typeof from !== "string") {
        return fault(422, "10016", "Phone number must be in +E164 format")
      }
      if (typeof connectionId !== "string") return fault(422, "10032", "Invalid connection")
      const wrong = body["stream_url"] === undefined ? undefined : faultOfStream(body)
      if (wrong !== undefined) return wrong
      const { client_state: clientState, webhook_url: webhookUrl } = body
      const call = new Call({
        from,
        to,
        direction: "outgoing",
        connectionId,
        webhookUrl: typeof webhookUrl === "string" ? webhookUrl : undefined
      })
      call.clientState = typeof clientState === "string" ? clientState : undefined
      calls.push(call)
      void place(call, body)
      const answer: FakeAnswer = {
        status: 200,
        body: {
          data: {
            record_type: "call",
            call_control_id: call.id,
            call_leg_id: "l",
            call_session_id: "s",
            is_alive: false
          }
        }
      }
      if (typeof commandId === "string") commandIds.set(commandId, answer)
      return answer
    }

    /** The other leg of a transfer: it is answered and bridged, or its end is told. */
    const transfer = async (call: Call, target: string, state: unknown): Promise<void> => {
      const outcome = options.outcomes?.[target] ?? "answered"
      call.dialled.push({ target, connected: outcome === "answered" })
      const other = new Call({
        from: call.to,
        to: target,
        direction: "outgoing",
        connectionId: call.connectionId,
        webhookUrl: call.webhookUrl
      })
      other.clientState = typeof state === "string" ? state : undefined
      calls.push(other)
      await other.tell("call.initiated")
      if (outcome !== "answered") return other.finish(outcome, "callee")
      other.state = "answered"
      await other.tell("call.answered")
      await bridge(call, other)
    }

    const bridge = async (one: Call, other: Call): Promise<void> => {
      if (one.state === "over" || other.state === "over") return
      one.bridgedWith = other.id
      other.bridgedWith = one.id
      one.state = "bridged"
      other.state = "bridged"
      one.changed()
      await Promise.all([one.tell("call.bridged"), other.tell("call.bridged")])
    }

    const command = (call: Call, action: string, body: Json): FakeAnswer => {
      if (call.state === "over") return fault(422, "90018", "Call has already ended")
      if (call.state === "parked" && !["answer", "reject", "hangup"].includes(action)) {
        return fault(422, "90034", "Call has not been answered yet")
      }
      switch (action) {
        case "answer":
          if (call.state !== "parked") return fault(422, "90033", "Unable to answer")
          call.state = "answered"
          void call.tell("call.answered", { state: "answered" })
          break
        case "hangup":
          call.finish("normal_clearing")
          break
        case "reject":
          call.finish("call_rejected")
          break
        case "transfer":
          if (typeof body["to"] !== "string") return fault(422, "10015", "Bad Request")
          void transfer(call, body["to"], body["target_leg_client_state"])
          break
        case "refer":
          call.dialled.push({ target: String(body["sip_address"]), connected: true })
          break
        case "bridge": {
          const other = calls.find(({ id }) => id === body["call_control_id"])
          if (other === undefined || other.state !== "answered") return fault(422, "90018", "Call has already ended")
          void bridge(call, other)
          break
        }
        case "enqueue":
          call.queue = String(body["queue_name"])
          break
        case "send_dtmf":
          if (typeof body["digits"] !== "string" || !/^[0-9A-Dw*#W]+$/.test(body["digits"])) {
            return fault(422, "10015", "Bad Request")
          }
          call.digits.push(body["digits"])
          break
        case "speak":
          call.said.push(String(body["payload"]))
          void call.tell("call.speak.ended", { status: "completed" })
          break
        case "streaming_start": {
          const wrong = faultOfStream(body)
          if (wrong !== undefined) return wrong
          const given = body["custom_parameters"]
          const list: ReadonlyArray<unknown> = Array.isArray(given) ? given : []
          void call.open(
            body,
            Object.fromEntries(list.filter(isJson).map(({ name, value }) => [String(name), String(value)] as const))
          )
          break
        }
        default:
          return fault(404, "10005", "Resource not found")
      }
      call.commands.push(action)
      call.changed()
      return ok
    }

    const { url } = yield* serveHttp((request) => {
      requests.push(request)
      if (refusal !== undefined) {
        const told = refusal
        refusal = undefined
        return told
      }
      if (request.headers.authorization !== `Bearer ${apiKey}`) return fault(401, "10009", "Authentication failed")
      const body: unknown = request.body === "" ? {} : JSON.parse(request.body)
      if (request.method !== "POST" || !isJson(body)) return fault(404, "10005", "Resource not found")
      if (request.path === "/v2/calls") return create(body)
      const [, id = "", action = ""] = /^\/v2\/calls\/([^/]+)\/actions\/(\w+)$/.exec(request.path) ?? []
      const call = calls.find((each) => each.id === decodeURIComponent(id))
      return call === undefined ? fault(404, "10005", "Resource not found") : command(call, action, body)
    })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const call of calls) {
          call.webhookUrl = undefined
          call.state = "over"
          for (const stream of call.streams) stream.cut()
        }
      })
    )

    return {
      url: `${url}/v2`,
      apiKey,
      publicKey,
      calls,
      requests,
      webhooks,
      call: ({ connectionId = "c1", from = "+15550100", id, texml = false, to = "+15550101", webhookUrl }) => {
        const call = new Call({ id, from, to, direction: "incoming", connectionId, webhookUrl, isTexml: texml })
        calls.push(call)
        void (texml ? call.texml(webhookUrl) : call.tell("call.initiated", { state: "parked" }))
        return call
      },
      post,
      sign,
      refuseNext: (answer) => {
        refusal = answer
      }
    }
  })
