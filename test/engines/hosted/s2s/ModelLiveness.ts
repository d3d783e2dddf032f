/**
 * Conversations of random requests, cancels, interruptions, lost connections and time with simulated models: whatever the
 * model does, every request is answered or fails, every reply ends, and the next request is answered.
 */
import { assert } from "@effect/vitest"
import { ConnectionFailed } from "../../../../src/BackendError.ts"
import * as LiveProtocol from "../../../../src/engines/gemini/LiveProtocol.ts"
import type { S2sProtocolOptions } from "../../../../src/engines/hosted/s2s/S2sProtocol.ts"
import * as RealtimeProtocol from "../../../../src/engines/openai/RealtimeProtocol.ts"
import type { SpeechToSpeechEvent } from "../../../../src/speech/SpeechToSpeech.ts"
import { generator, type ServerOptions, SimulatedGemini, SimulatedOpenAi } from "./SimulatedModels.ts"

const DEADLINE = 2_000
const STEP = 50

export const vendors = {
  openai: {
    server: SimulatedOpenAi,
    make: (options: S2sProtocolOptions, answers: boolean) => RealtimeProtocol.make({ ...options, session: {}, answers })
  },
  gemini: {
    server: SimulatedGemini,
    make: (options: S2sProtocolOptions) => LiveProtocol.make({ ...options, setup: {} })
  }
}
export type VendorName = keyof typeof vendors

/** Runs one conversation; `seen` counts what has happened. */
export const conversation = (name: VendorName, seed: number, seen: Map<string, number>): void => {
  const vendor = vendors[name]
  const random = generator(seed)
  const pick = (n: number) => Math.floor(random() * n)
  const answers = name === "gemini" || random() < 0.7
  const remote = random() < 0.5
  const speaksText = random() < 0.5
  const faults = random() < 0.5 ? 0 : 0.03
  /** Whether an answer can be told from another: without ids where nothing is exchanged, and the model begins none. */
  const named = name === "openai" || (faults === 0 && !remote)
  const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1)

  let now = 0
  let requests = 0
  const outcome = new Map<string, string>()
  const cancelled = new Set<string>()
  const stamps = new Map<string, number>()
  const answeredBy = new Map<string, string>()
  const open = new Set<string>()
  const replies: Array<string> = []
  const truncated = new Set<string>()
  const log: Array<string> = []
  const fail = (what: string): never => assert.fail(`seed ${seed}: ${what}\n${log.slice(-60).join("\n")}`)
  const transcripts = new Set<string>()
  const audible = new Set<string>()

  const onEvent = (event: SpeechToSpeechEvent) => {
    log.push(`${now} ${JSON.stringify(event, (key, value: unknown) => key === "pcm" || key === "error" ? "…" : value)}`)
    count(event._tag)
    switch (event._tag) {
      case "RequestFailed":
        if (outcome.has(event.request)) fail(`${event.request} fails after ${outcome.get(event.request)}`)
        outcome.set(event.request, "failed")
        return
      case "ReplyStarted":
        if (replies.includes(event.reply)) fail(`${event.reply} starts twice`)
        replies.push(event.reply)
        open.add(event.reply)
        if (event.request === undefined) return
        if (outcome.has(event.request)) fail(`${event.request} begins after ${outcome.get(event.request)}`)
        outcome.set(event.request, "begun")
        answeredBy.set(event.reply, event.request)
        return
      case "UserTurnTranscribed":
        if (event.request !== undefined) transcripts.delete(event.request)
        return
      case "ReplyAudio":
      case "ReplyText":
      case "ToolCall":
      case "ReplyEnded":
      case "ReplyFailed": {
        if (!open.has(event.reply) && !truncated.has(event.reply)) {
          fail(`${event._tag} of ${event.reply}, which is over`)
        }
        if (truncated.has(event.reply)) fail(`${event._tag} of ${event.reply}, which was truncated`)
        if (event._tag === "ReplyText" && !speaksText) fail("text that nobody speaks")
        if (event._tag === "ReplyAudio" || event._tag === "ReplyText") audible.add(event.reply)
        if (event._tag === "ReplyAudio" && event.pcm.length === 480 && named) {
          const stamp = stamps.get(answeredBy.get(event.reply) ?? "")
          const heard = event.pcm[0] ?? 0
          if (stamp !== undefined && heard !== 0 && heard !== stamp) fail(`${event.reply} answers another request`)
        }
        if (event._tag === "ToolCall") {
          const { id } = event
          if (random() < 0.9) tools.push({ at: now + random() * 500, id })
          audible.add(event.reply)
        }
        if (event._tag === "ReplyEnded" && !audible.has(event.reply)) fail(`${event.reply} ended without a sound`)
        if (event._tag === "ReplyEnded" || event._tag === "ReplyFailed") open.delete(event.reply)
      }
    }
  }
  const tools: Array<{ readonly at: number; readonly id: string }> = []
  let renewAt: number | undefined
  let server: SimulatedOpenAi | SimulatedGemini | undefined
  let connectAt: number | undefined = 0
  let drawn = [0.2, 0.6, 1][pick(3)] ?? 1
  const protocol = vendor.make({
    emit: onEvent,
    ready: () => count("ready"),
    renew: (planned) => {
      count(planned ? "renewed as planned" : "renewed")
      renewAt ??= now + 30
    },
    fail: (error) => fail(error.message),
    deadlineMs: DEADLINE,
    now: () => now,
    remote,
    speaksText,
    history: []
  }, answers)
  const disconnect = () => {
    if (server === undefined) return
    server = undefined
    renewAt = undefined
    log.push(`${now} disconnected`)
    protocol.disconnected(new ConnectionFailed({ op: "test", message: "gone" }))
    connectAt = now + pick(1_000)
  }
  let openedAt = 0
  /** Lets time pass. */
  const pass = (ms: number) => {
    for (const until = now + ms; now < until;) {
      now += STEP
      if (renewAt !== undefined && now >= renewAt) disconnect()
      if (server === undefined && connectAt !== undefined && now >= connectAt) {
        connectAt = undefined
        const options: ServerOptions = { random, faults: drawn > 0 ? faults : 0, drawn, remote, answers }
        const next = new vendor.server(options, now, seen)
        server = next
        openedAt = now
        log.push(`${now} connected`)
        protocol.connected((message) => {
          if (!message.includes("audio\":")) log.push(`${now} > ${message.slice(0, 160)}`)
          if (server === next) next.receive(message)
        })
        next.open()
      }
      for (const text of server?.run(now) ?? []) {
        if (!text.includes("udio\":")) log.push(`${now} < ${text.slice(0, 160)}`)
        protocol.receive(text)
      }
      // a handshake that is lost is the connection's own concern
      if (server !== undefined && now - openedAt === 500 && !protocolReady()) disconnect()
      for (const due of tools.filter(({ at }) => at <= now)) {
        tools.splice(tools.indexOf(due), 1)
        protocol.toolResult(due.id, "result")
      }
      if (now % (DEADLINE / 4) === 0 && protocolReady()) protocol.tick()
    }
  }
  const protocolReady = () => (seen.get("ready") ?? 0) > readyBefore
  let readyBefore = seen.get("ready") ?? 0
  const frame = new Int16Array(name === "openai" ? 1_200 : 800)
  const speak = () => {
    if (remote) {
      for (let n = 0; n < 10; n++) protocol.push(frame.fill(8_000))
      pass(400)
      for (let n = 0; n < 20; n++) protocol.push(frame.fill(0))
      return
    }
    protocol.activity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 })
    for (let n = 0; n < 6; n++) protocol.push(frame.fill(8_000))
    pass(pick(6) * STEP)
    protocol.activity({ _tag: "SpeechStopped", atSample: 0, decidedAtSample: 0 })
    const request = `commit-${++requests}`
    if (answers) asked(request)
    else transcripts.add(request)
    protocol.commit(0, request)
  }
  const wanted: Array<string> = []
  const asked = (request: string) => wanted.push(request)
  const say = () => {
    const request = `say-${++requests}`
    stamps.set(request, requests)
    asked(request)
    protocol.say(`say number ${requests}`, request)
    return request
  }

  pass(200)
  for (let steps = 5 + pick(25); steps > 0; steps--) {
    const what = pick(20)
    log.push(`${now} step ${what}`)
    if (what < 5) speak()
    else if (what < 9) say()
    else if (what < 11 && answers) {
      const request = `text-${++requests}`
      asked(request)
      protocol.userText("typed", request)
    } else if (what < 13) {
      const request = wanted.findLast((id) => !outcome.has(id))
      if (request !== undefined) {
        cancelled.add(request)
        protocol.cancel?.(request)
        count("cancelled")
      }
    } else if (what < 16) {
      const reply = replies[pick(replies.length)]
      if (reply !== undefined) {
        truncated.add(reply)
        open.delete(reply)
        protocol.truncate(reply, pick(500))
      }
    } else if (what === 16) disconnect()
    pass(pick(3) === 0 ? 0 : pick(30) * STEP)
  }
  // the model answers again, and time passes
  drawn = 0
  readyBefore = -1
  log.push(`${now} from here on the model answers`)
  disconnect()
  pass(400_000)
  for (const request of wanted) {
    if (cancelled.has(request)) continue
    if (!outcome.has(request)) fail(`${request} has neither begun nor failed`)
  }
  for (const reply of open) fail(`${reply} has not ended`)
  for (const request of transcripts) fail(`the transcript of ${request} has not come`)
  if (protocol.isBusy()) fail("the conversation is still busy")
  const last = say()
  pass(DEADLINE)
  if (outcome.get(last) !== "begun") fail(`${last} is not answered: ${outcome.get(last)}`)
  const reply = Array.from(answeredBy).find(([, request]) => request === last)?.[0] ?? ""
  if (!audible.has(reply) || open.has(reply)) fail(`the answer to ${last} is not whole`)
}
