/**
 * What fakes of carriers share: the far end of a media stream (a caller who speaks, and hears what is sent in real time), an HTTP server, XML.
 *
 * The stream is the carrier's side of its documents: it checks what it is sent, keeps a buffer of what is to be played, answers
 * marks when what is before them has been played, and drops the buffer on `clear`.
 */
import { Effect, type Scope } from "effect"
import { Buffer } from "node:buffer"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { WebSocket } from "ws"
import * as G711 from "../../src/audio/G711.ts"

export type Json = { readonly [key: string]: unknown }
export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Runs effects that wait for something to happen; every change is told by `changed`. */
export class Watched {
  readonly #watchers = new Set<() => void>()

  changed(): void {
    for (const watcher of Array.from(this.#watchers)) watcher()
  }

  /** Ends when the condition holds. Fails after a minute, which only a broken test waits for. */
  until(what: string, holds: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (holds()) return resume(Effect.void)
      const watcher = () => {
        if (!holds()) return
        this.#watchers.delete(watcher)
        resume(Effect.void)
      }
      this.#watchers.add(watcher)
      return Effect.sync(() => void this.#watchers.delete(watcher))
    }).pipe(Effect.timeoutOrElse({ duration: "1 minute", orElse: () => Effect.die(new Error(`waited for: ${what}`)) }))
  }
}

/** What a message that was sent to the carrier asks for. */
export type Asked =
  | { readonly _tag: "Audio"; readonly payload: Buffer }
  | { readonly _tag: "Mark"; readonly name: string }
  | { readonly _tag: "Clear" }
  | { readonly _tag: "Digits"; readonly digits: string }
  | { readonly _tag: "HangUp" }
  /** The carrier would close the stream, or ignore the message: no test may send it unawares. */
  | { readonly _tag: "Fault"; readonly reason: string }

export type Encoding = "mulaw" | "alaw" | "l16"

/** A carrier's messages. */
export interface CarrierProtocol {
  readonly encoding: Encoding
  readonly sampleRate: number
  /** The messages before the audio. */
  readonly first: () => ReadonlyArray<Json>
  /** 20 ms of the caller; `chunk` counts from 1. Bytes are a binary message. */
  readonly media: (chunk: number, payload: Buffer) => Json | Buffer
  readonly dtmf: (digit: string) => Json
  /** What before a mark has been played; or was dropped, where the carrier answers those too. */
  readonly played: (name: string) => Json
  readonly stop: (reason: string) => Json | undefined
  readonly read: (message: string | Buffer) => Asked
  /** Whether marks that wait when the buffer is dropped are answered. */
  readonly answersCleared: boolean
  /** What tells that the buffer was dropped. Default: nothing. */
  readonly cleared?: (names: ReadonlyArray<string>) => Json
  /** How much is kept to be played, in ms; beyond it audio is dropped. Default: 60 s. */
  readonly capacityMs?: number
}

/** How a stream may misbehave. */
export interface Misbehaviour {
  /** Sends these in place of a message. Default: the message alone. */
  readonly instead?: (message: Json | Buffer, index: number) => ReadonlyArray<Json | Buffer | string>
  readonly withoutStop?: boolean
}

export interface FakeStreamOptions {
  readonly url: string
  readonly headers?: { readonly [name: string]: string }
  readonly subprotocols?: ReadonlyArray<string>
  readonly wire: CarrierProtocol
  readonly misbehaviour?: Misbehaviour | undefined
  /** Whether `tick` is called by the test. Default: by real time. */
  readonly manual?: boolean | undefined
}

type Queued = { readonly mark: string } | { samples: Int16Array }

const LOUD = 400
const TICK_MS = 20

/** How a stream began or did not, and how it ended. */
export interface StreamEnd {
  readonly by: "refused" | "us" | "carrier"
  readonly status?: number
  readonly code?: number
  readonly reason?: string
}

const decoded = (bytes: Buffer, encoding: Encoding): Int16Array => {
  if (encoding === "mulaw") return G711.decodeMuLaw(bytes)
  if (encoding === "alaw") return G711.decodeALaw(bytes)
  return Int16Array.from({ length: bytes.length >> 1 }, (_, i) => bytes.readInt16LE(2 * i))
}

const encoded = (pcm: Int16Array, encoding: Encoding): Buffer => {
  if (encoding === "mulaw") return Buffer.from(G711.encodeMuLaw(pcm))
  if (encoding === "alaw") return Buffer.from(G711.encodeALaw(pcm))
  const bytes = Buffer.alloc(2 * pcm.length)
  pcm.forEach((sample, i) => bytes.writeInt16LE(sample, 2 * i))
  return bytes
}

/** A tone that a detector of voice activity takes for speech. */
export const tone = (ms: number, sampleRate: number, hz = 440, level = 8_000): Int16Array =>
  Int16Array.from(
    { length: ms * sampleRate / 1_000 },
    (_, i) => Math.round(level * Math.sin(i * 2 * Math.PI * hz / sampleRate))
  )

export class FakeStream extends Watched {
  readonly wire: CarrierProtocol
  /** What came, in order; audio is counted, not listed. */
  readonly asked: Array<Exclude<Asked["_tag"], "Audio">> = []
  readonly faults: Array<string> = []
  /** What the caller heard in each 20 ms since the stream began. */
  readonly heard: Array<Int16Array> = []
  /** Names of marks, as they were answered. */
  readonly marks: Array<string> = []
  readonly digits: Array<string> = []
  /** Where (in ticks) the buffer was dropped. */
  readonly clears: Array<number> = []
  /** How much was sent to be played, and how much of it was: in ms. */
  sentMs = 0
  playedMs = 0
  /** How many messages had audio. */
  audioMessages = 0
  /** The most that waited to be played at once, in ms. */
  mostAheadMs = 0
  end: StreamEnd | undefined
  isOpen = false

  readonly #options: FakeStreamOptions
  readonly #socket: WebSocket
  readonly #said: Array<Int16Array> = []
  #queue: Array<Queued> = []
  #queuedSamples = 0
  #chunk = 0
  #index = 0
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #onOpening: () => void = () => {}
  #onEnding: () => void = () => {}

  constructor(options: FakeStreamOptions) {
    super()
    this.#options = options
    this.wire = options.wire
    this.#socket = new WebSocket(options.url, [...options.subprotocols ?? []], { headers: { ...options.headers } })
    this.#socket.on("error", () => {})
    this.#socket.on("open", () => this.#opened())
    this.#socket.on("message", (data: Buffer, isBinary) => this.#message(isBinary ? data : data.toString("utf8")))
    this.#socket.on("unexpected-response", (_, response) => {
      response.resume()
      this.#over({ by: "refused", status: response.statusCode ?? 0 })
      this.#socket.terminate()
    })
    this.#socket.on(
      "close",
      (code, reason) => this.#over({ by: this.#stopped ? "carrier" : "us", code, reason: reason.toString() })
    )
  }

  get samplesPerTick(): number {
    return this.wire.sampleRate * TICK_MS / 1_000
  }

  /** How much waits to be played, in ms. */
  get aheadMs(): number {
    return this.#queuedSamples * 1_000 / this.wire.sampleRate
  }

  /** Since when (in ms of the stream) the caller hears nothing; undefined while they hear something. */
  get quietSinceMs(): number | undefined {
    let at = this.heard.length
    while (at > 0 && !isLoud(this.heard[at - 1]!)) at--
    return at === this.heard.length ? undefined : at * TICK_MS
  }

  /** How long the caller heard something, in ms, from a tick to another. */
  loudMs(from = 0, to = this.heard.length): number {
    return this.heard.slice(from, to).filter(isLoud).length * TICK_MS
  }

  /** All that was heard. */
  pcm(): Int16Array {
    const all = new Int16Array(this.heard.length * this.samplesPerTick)
    this.heard.forEach((frame, i) => all.set(frame, i * this.samplesPerTick))
    return all
  }

  /** The caller says it after what they have begun to say. */
  say(pcm: Int16Array): void {
    for (let at = 0; at < pcm.length; at += this.samplesPerTick) {
      const frame = new Int16Array(this.samplesPerTick)
      frame.set(pcm.subarray(at, at + this.samplesPerTick))
      this.#said.push(frame)
    }
  }

  press(digit: string): void {
    this.#send(this.wire.dtmf(digit))
  }

  /** Sends whatever it is, as it is. */
  raw(message: string | Buffer): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(message)
  }

  /** 20 ms pass. */
  tick(): void {
    if (!this.isOpen) return
    const frame = this.#said.shift() ?? new Int16Array(this.samplesPerTick)
    this.#send(this.wire.media(++this.#chunk, encoded(frame, this.wire.encoding)))
    this.#play()
    this.changed()
  }

  /** The stream ends by the carrier: the caller has hung up, or the call does something else. */
  stop(reason = "callended"): void {
    if (this.#stopped) return
    const stop = this.#options.misbehaviour?.withoutStop === true ? undefined : this.wire.stop(reason)
    if (stop !== undefined) this.#send(stop)
    this.#stopped = true
    this.isOpen = false
    clearInterval(this.#timer)
    this.#socket.close(1000)
  }

  /** The connection is lost. */
  cut(): void {
    this.#stopped = true
    this.#socket.terminate()
  }

  /** Its beginning and its end, however long they take. */
  readonly opening: Promise<void> = new Promise((resolve) => {
    this.#onOpening = resolve
  })
  readonly ending: Promise<void> = new Promise((resolve) => {
    this.#onEnding = resolve
  })
  readonly opened: Effect.Effect<void> = Effect.suspend(() =>
    this.until("the stream to open", () => this.isOpen || this.end !== undefined)
  )
  readonly ended: Effect.Effect<StreamEnd> = Effect.suspend(() =>
    Effect.map(this.until("the stream to end", () => this.end !== undefined), () => this.end ?? { by: "carrier" })
  )

  #opened(): void {
    this.isOpen = true
    for (const message of this.wire.first()) this.#send(message)
    if (this.#options.manual !== true) {
      let last = performance.now()
      this.#timer = setInterval(() => {
        // all that are due: timers are late on a busy machine
        for (; performance.now() - last >= TICK_MS; last += TICK_MS) this.tick()
      }, TICK_MS)
    }
    this.#onOpening()
    this.changed()
  }

  #over(end: StreamEnd): void {
    this.isOpen = false
    clearInterval(this.#timer)
    this.end ??= end
    this.#onOpening()
    this.#onEnding()
    this.changed()
  }

  #send(message: Json | Buffer): void {
    const messages = this.#options.misbehaviour?.instead?.(message, this.#index++) ?? [message]
    for (const each of messages) {
      this.raw(Buffer.isBuffer(each) || typeof each === "string" ? each : JSON.stringify(each))
    }
  }

  #message(data: string | Buffer): void {
    const asked = this.wire.read(data)
    if (asked._tag === "Audio") this.#audio(asked.payload)
    else {
      this.asked.push(asked._tag)
      if (asked._tag === "Mark") this.#queue.push({ mark: asked.name })
      else if (asked._tag === "Clear") this.#clear()
      else if (asked._tag === "Digits") this.digits.push(asked.digits)
      else if (asked._tag === "HangUp") this.stop("hangup")
      else this.faults.push(asked.reason)
    }
    this.#answerMarks()
    this.changed()
  }

  #audio(payload: Buffer): void {
    this.audioMessages++
    const samples = decoded(payload, this.wire.encoding)
    this.sentMs += samples.length * 1_000 / this.wire.sampleRate
    if (this.aheadMs > (this.wire.capacityMs ?? 60_000)) {
      this.faults.push("more audio than the carrier keeps")
      return
    }
    this.#queue.push({ samples })
    this.#queuedSamples += samples.length
    this.mostAheadMs = Math.max(this.mostAheadMs, this.aheadMs)
  }

  #clear(): void {
    this.clears.push(this.heard.length)
    const waiting = this.#queue.flatMap((each) => "mark" in each ? [each.mark] : [])
    this.#queue = []
    this.#queuedSamples = 0
    if (this.wire.cleared !== undefined) this.#send(this.wire.cleared(waiting))
    if (this.wire.answersCleared) { for (const name of waiting) this.#mark(name) }
  }

  #mark(name: string): void {
    this.marks.push(name)
    this.#send(this.wire.played(name))
  }

  /** Marks with nothing before them. */
  #answerMarks(): void {
    for (let next = this.#queue[0]; next !== undefined && "mark" in next; next = this.#queue[0]) {
      this.#queue.shift()
      this.#mark(next.mark)
    }
  }

  #play(): void {
    const frame = new Int16Array(this.samplesPerTick)
    let at = 0
    for (let next = this.#queue[0]; next !== undefined && at < frame.length; next = this.#queue[0]) {
      if ("mark" in next) {
        this.#queue.shift()
        this.#mark(next.mark)
        continue
      }
      const taken = next.samples.subarray(0, frame.length - at)
      frame.set(taken, at)
      at += taken.length
      next.samples = next.samples.subarray(taken.length)
      if (next.samples.length === 0) this.#queue.shift()
    }
    this.#queuedSamples -= at
    this.playedMs += at * 1_000 / this.wire.sampleRate
    this.heard.push(frame)
    this.#answerMarks()
  }
}

const isLoud = (frame: Int16Array): boolean => frame.some((sample) => Math.abs(sample) > LOUD)

/** A request that a fake's server got. */
export interface FakeRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage["headers"]
  readonly body: string
}

export interface FakeAnswer {
  readonly status: number
  readonly body?: Json | string
  readonly headers?: { readonly [name: string]: string }
}

/** A server on loopback that ends with the scope. */
export const serveHttp = (
  answer: (request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>
): Effect.Effect<{ readonly url: string }, never, Scope.Scope> =>
  Effect.gen(function*() {
    const respond = async (request: IncomingMessage, response: ServerResponse) => {
      let body = ""
      for await (const part of request) body += String(part)
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://fake")
      const { method = "GET" } = request
      const told = await answer({ method, path: pathname, query: searchParams, headers: request.headers, body })
      const text = told.body === undefined ? "" : typeof told.body === "string" ? told.body : JSON.stringify(told.body)
      response.writeHead(told.status, { "content-type": "application/json", ...told.headers }).end(text)
    }
    const server = createServer((request, response) => void respond(request, response).catch(() => response.destroy()))
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    )
    const { port } = server.address() as AddressInfo // it listens on TCP
    return { url: `http://127.0.0.1:${port}` }
  })

/** An element of a document. */
export interface XmlElement {
  readonly name: string
  readonly attributes: { readonly [name: string]: string }
  readonly children: ReadonlyArray<XmlElement>
  readonly text: string
}

const entities: { readonly [name: string]: string } = { amp: "&", lt: "<", gt: ">", quot: "\"", apos: "'" }

const unescaped = (text: string): string =>
  text.replaceAll(
    /&(?:#(x?)([0-9a-fA-F]+)|(\w+));/g,
    (whole, hex: string, code: string, name: string) =>
      code === undefined ? entities[name] ?? whole : String.fromCodePoint(parseInt(code, hex === "" ? 10 : 16))
  )

/** The root of a document; throws when it is not well-formed. */
export const parseXml = (xml: string): XmlElement => {
  interface Open {
    readonly name: string
    readonly attributes: { readonly [name: string]: string }
    readonly children: Array<XmlElement>
    text: string
  }
  const root: Open = { name: "", attributes: {}, children: [], text: "" }
  const stack: Array<Open> = [root]
  let at = 0
  for (
    const match of xml.matchAll(
      /<\?[^>]*\?>|<!--[\s\S]*?-->|<(\/?)([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|[^<]+/g
    )
  ) {
    if (match.index !== at) throw new Error("not well-formed XML")
    at += match[0].length
    const top = stack.at(-1)!
    const [whole, closing, name, attributes = "", empty] = match
    if (whole.startsWith("<?") || whole.startsWith("<!--")) continue
    if (name === undefined) {
      if (/&(?!#?\w+;)/.test(whole)) throw new Error("a bare &")
      top.text += unescaped(whole)
      continue
    }
    if (closing === "/") {
      if (stack.length === 1 || top.name !== name) throw new Error(`</${name}> without its start`)
      stack.pop()
      stack.at(-1)!.children.push(top)
      continue
    }
    const pairs = Array.from(
      attributes.matchAll(/([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g),
      ([, key = "", double, single]) => [key, unescaped(double ?? single ?? "")] as const
    )
    const element: Open = { name, attributes: Object.fromEntries(pairs), children: [], text: "" }
    if (empty === "/") top.children.push(element)
    else stack.push(element)
  }
  if (at !== xml.length || stack.length !== 1 || root.children.length !== 1) throw new Error("not well-formed XML")
  return root.children[0]!
}
