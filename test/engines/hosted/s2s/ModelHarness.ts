/** A protocol of a hosted model with what it tells and sends, and a clock: the server's messages are written by the test. */
import { assert } from "@effect/vitest"
import { ConnectionFailed } from "../../../../src/BackendError.ts"
import * as LiveProtocol from "../../../../src/engines/gemini/LiveProtocol.ts"
import type { S2sProtocol, S2sProtocolOptions } from "../../../../src/engines/hosted/s2s/S2sProtocol.ts"
import * as RealtimeProtocol from "../../../../src/engines/openai/RealtimeProtocol.ts"
import type { SpeechToSpeechEvent } from "../../../../src/speech/SpeechToSpeech.ts"

export const DEADLINE = 1_000
export const audio = Buffer.from(new Int16Array(480).fill(5).buffer).toString("base64")
export const MINUTE = Buffer.from(new Int16Array(24_000 * 60).buffer).toString("base64")

export interface Sent {
  readonly type?: string
  readonly event_id?: string
  readonly item_id?: string
  readonly response?: {
    readonly metadata: { readonly ask: string }
    readonly instructions?: string
    readonly output_modalities?: ReadonlyArray<string>
  }
  readonly session?: { readonly whole?: string; readonly part?: string; readonly told?: string }
  readonly setup?: {
    readonly languageCode?: string
    readonly instruction?: string
    readonly sessionResumption?: { readonly handle?: string }
  }
  readonly realtimeInput?: { readonly text?: string; readonly activityEnd?: object }
}

export interface Options {
  readonly remote?: boolean
  readonly speaksText?: boolean
  readonly answers?: boolean
}

const lost = new ConnectionFailed({ op: "test", message: "gone" })

/** One protocol with what it tells and sends, and a clock. */
export const start = (
  make: (options: S2sProtocolOptions) => S2sProtocol,
  opening: ReadonlyArray<object>,
  options: Options
) => {
  const told: Array<SpeechToSpeechEvent> = []
  const sent: Array<Sent> = []
  let now = 0
  let renewals = 0
  const protocol = make({
    emit: (event) => told.push(event),
    ready: () => {},
    renew: () => renewals++,
    fail: (error) => assert.fail(error.message),
    deadlineMs: DEADLINE,
    now: () => now,
    remote: options.remote ?? false,
    speaksText: options.speaksText,
    history: []
  })
  const connect = () => {
    protocol.connected((message) => sent.push(JSON.parse(message) as Sent))
    for (const message of opening) protocol.receive(JSON.stringify(message))
  }
  connect()
  return {
    protocol,
    lost,
    told,
    sent,
    renewals: () => renewals,
    reconnect: () => {
      protocol.disconnected(lost)
      sent.length = 0
      connect()
    },
    pass: (ms: number) => {
      for (const until = now + ms; now < until;) {
        now += DEADLINE / 8
        protocol.tick()
      }
    },
    tags: () => told.map((event) => event._tag),
    of: (tag: SpeechToSpeechEvent["_tag"]) => told.filter((event) => event._tag === tag)
  }
}

export const openai = ({ answers = true, ...options }: Options = {}) => {
  const opening = [{ type: "session.created", session: {} }, { type: "session.updated" }]
  const model = start(
    (given) =>
      RealtimeProtocol.make({
        ...given,
        session: {},
        inLanguage: (language) => ({ session: { whole: language }, change: { part: language } }),
        ofClient: ({ instructions }) => ({ session: { whole: instructions }, change: { told: instructions } }),
        answers
      }),
    opening,
    options
  )
  const say = (type: string, fields: object = {}) => model.protocol.receive(JSON.stringify({ type, ...fields }))
  const creates = () => model.sent.filter(({ type }) => type === "response.create")
  const asked = () => creates().at(-1)?.response?.metadata
  return {
    ...model,
    say,
    creates,
    begins: (id: string, metadata: object | null | undefined = asked()) =>
      say("response.created", { response: { id, metadata } }),
    speaks: (id: string, delta = audio) =>
      say("response.output_audio.delta", { response_id: id, item_id: `item-${id}`, content_index: 0, delta }),
    done: (id: string, status = "completed", more: object = {}) =>
      say("response.done", { response: { id, status, ...more } })
  }
}

export const gemini = (options: Options = {}) => {
  const model = start(
    (given) =>
      LiveProtocol.make({
        ...given,
        setup: {},
        inLanguage: (languageCode) => ({ languageCode }),
        ofClient: ({ instructions }) => ({ instruction: instructions })
      }),
    [{ setupComplete: {} }],
    options
  )
  const content = (serverContent: object) => model.protocol.receive(JSON.stringify({ serverContent }))
  return {
    ...model,
    content,
    speaks: (data = audio) =>
      content({ modelTurn: { parts: [{ inlineData: { mimeType: "audio/pcm;rate=24000", data } }] } }),
    asks: () => model.sent.filter(({ realtimeInput }) => realtimeInput?.activityEnd !== undefined).length,
    message: (message: object) => model.protocol.receive(JSON.stringify(message))
  }
}

export const item = (id: string, text: string) => ({ id, type: "message", content: [{ type: "output_text", text }] })
