/**
 * A user's connection to a session, for `talk`: inside this process, or over a server's WebSocket.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { WebSocket } from "ws"
import { copyInt16, fromInt16 } from "../audio/Pcm.ts"
import { VoiceBackend } from "../backend/VoiceBackend.ts"
import {
  AuthenticationFailed,
  type BackendError,
  ConnectionFailed,
  ConnectionTimeout,
  describe,
  InvalidConfig
} from "../BackendError.ts"
import { connectDeadline } from "../Deadline.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import { isRecord, parse } from "../schema/Json.ts"
import * as SessionEvent from "../session/SessionEvent.ts"
import * as MemoryConnection from "../transport/MemoryConnection.ts"
import { MOVED_SUBPROTOCOL, SUBPROTOCOL } from "../transport/websocket/WebSocketConnection.ts"
import * as TalkLimits from "./TalkLimits.ts"

/**
 * Receives from a connection: events, decoded and as JSON on one line, the agent's audio, and why it ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listener {
  readonly event: (event: SessionEvent.SessionEvent | undefined, json: string) => void
  readonly audio: (pcm: Int16Array) => void
  readonly closed: (reason: string) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Line {
  /** The user speaks: mono PCM, valid only during the call. */
  readonly send: (pcm: Int16Array) => void
  /** The user hangs up, and the line waits until the session has ended; bounded. */
  readonly hangup: Effect.Effect<void>
}

/**
 * The sample rates of the user's and of the agent's audio, in Hz.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rates {
  readonly input: number
  readonly output: number
}

/**
 * The rates of a user at a computer.
 *
 * @category constants
 * @since 0.1.0
 */
export const WIDEBAND: Rates = { input: 16_000, output: 24_000 }

const patience = Duration.seconds(10)

const op = "talk"

const withoutKey = (message: string) =>
  new AuthenticationFailed({ op, message: `${message} (set EFFECT_VOICE_API_KEY)` })

/**
 * A connection to a session of the backend in this process. `token` is for the `AuthHook` of the application, if it has one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const inProcess = (
  listener: Listener,
  token: string | undefined,
  rates: Rates = WIDEBAND
): Effect.Effect<Line, BackendError, VoiceBackend | Scope.Scope> =>
  Effect.gen(function*() {
    const backend = yield* VoiceBackend
    const session = yield* Effect.acquireRelease(
      Effect.catchTag(
        backend.createSession({ userId: "talk", transport: "websocket", token, inputSampleRate: rates.input }),
        "AuthenticationFailed",
        (error) => Effect.fail(withoutKey(error.message))
      ),
      (session) => Effect.ignore(backend.closeSession(session.id))
    )
    const memory = MemoryConnection.make({
      inputSampleRate: rates.input,
      outputSampleRate: rates.output,
      onFrame: listener.audio,
      onEvent: (event) => listener.event(event, SessionEvent.toJson(event))
    })
    yield* session.attach(memory.connection)
    yield* Effect.forkScoped(Effect.map(session.ended, listener.closed))
    return {
      send: memory.push,
      hangup: Effect.sync(() => memory.message({ type: "session.end" })).pipe(
        Effect.andThen(session.ended),
        Effect.timeoutOption(patience),
        Effect.asVoid
      )
    }
  })

/** An answer with a session has a few hundred bytes. */
const MAX_ANSWER_BYTES = 65_536

/** Of the server's own words, as many as a person reads. */
const MAX_WORDS = 500

const readAnswer = async (response: Response): Promise<string> => {
  const decoder = new TextDecoder()
  let text = ""
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`its answer has more than ${MAX_ANSWER_BYTES} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text
}

/** A session to connect to: where its audio is, and where it can be asked for if that cannot be reached. */
interface Address {
  readonly url: URL
  readonly general?: URL | undefined
  readonly token: string | undefined
}

const AUDIO_ROUTE = /\/v1\/sessions\/[^/]+\/audio$/

/** A route of the server, which may be mounted below a path. */
const routeOf = (base: URL, route: string): URL => new URL(`${base.pathname.replace(/\/+$/, "")}${route}`, base)

/** The audio of a session by way of the server that created it, where it names another for it. */
const generalOf = (base: URL, address: URL): URL | undefined => {
  const route = AUDIO_ROUTE.exec(address.pathname)?.[0]
  if (route === undefined || address.host === base.host) return undefined
  const url = routeOf(base, route)
  url.protocol = base.protocol.replace(/^http/, "ws")
  return url
}

/** Asks a server for a session: where its audio is, and the token. */
const createSession = (base: URL, apiKey: string | undefined) => {
  const server = `the server at ${base.origin}${base.pathname.replace(/\/+$/, "")}`
  return Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(routeOf(base, "/v1/sessions"), {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` })
        },
        body: JSON.stringify({ user_id: "talk", transport: "websocket" }),
        signal
      })
      const body = parse(await readAnswer(response))
      return { status: response.status, body: isRecord(body) ? body : {} }
    },
    catch: (cause) =>
      new ConnectionFailed({
        op,
        message: `cannot reach ${server}: ${describe(cause instanceof Error ? cause.cause ?? cause : cause)}`,
        cause
      })
  }).pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.fail(new ConnectionTimeout({ op, message: `${server} did not respond` }))
    }),
    Effect.flatMap(
      ({ body, status }): Effect.Effect<Address, BackendError> => {
        const { connection_url: address, detail, token } = body
        if (status === 201 && typeof address === "string" && URL.canParse(address)) {
          const url = new URL(address)
          return Effect.succeed({
            url,
            general: generalOf(base, url),
            token: typeof token === "string" ? token : undefined
          })
        }
        const message = `${server} gave no session: ${
          typeof detail === "string" ? detail.slice(0, MAX_WORDS) : `status ${status}`
        }`
        return Effect.fail(
          status === 401
            ? withoutKey(message)
            : new ConnectionFailed({ op, message, details: { status } })
        )
      }
    )
  )
}

const isHttp = ({ protocol }: URL): boolean => /^(?:ws|http)s?:$/.test(protocol)

/** `ws://host/v1/sessions/…/audio` is a session; any other address is a server's. */
const resolve = (text: string, apiKey: string | undefined): Effect.Effect<Address, BackendError> => {
  if (!URL.canParse(text) || !isHttp(new URL(text))) {
    return Effect.fail(
      new InvalidConfig({
        op,
        message: "--url: expected an http://, https://, ws:// or wss:// URL"
      })
    )
  }
  const url = new URL(text)
  if (/^wss?:$/.test(url.protocol) && AUDIO_ROUTE.test(url.pathname)) return Effect.succeed({ url, token: undefined })
  url.protocol = url.protocol.replace(/^ws/, "http")
  return createSession(url, apiKey)
}

/** How often it is followed to another node before the server must pass the connection on. */
const MAX_MOVES = 3

/** Opens a socket, which is paused: no message may come before somebody listens. */
const openSocket = (url: URL, token: string | undefined, follows: boolean) =>
  Effect.acquireRelease(
    Effect.try({
      try: () =>
        new WebSocket(url, [
          SUBPROTOCOL,
          ...(follows ? [MOVED_SUBPROTOCOL] : []),
          ...(token === undefined ? [] : [`token.${token}`])
        ], {
          maxPayload: TalkLimits.MAX_MESSAGE_BYTES,
          perMessageDeflate: false,
          autoPong: false
        }),
      // The URL and the token come from the server.
      catch: (cause) => new ConnectionFailed({ op, message: `the session's WebSocket: ${describe(cause)}`, cause })
    }),
    (socket) => Effect.sync(() => socket.terminate())
  ).pipe(
    Effect.tap((socket) =>
      Effect.callback<void, BackendError>((resume) => {
        socket.once("open", () => {
          socket.pause()
          resume(Effect.void)
        })
        socket.on("error", (cause) =>
          resume(
            Effect.fail(new ConnectionFailed({ op, message: `the session's WebSocket: ${describe(cause)}`, cause }))
          ))
      }).pipe(connectDeadline(op, "the handshake of the session's WebSocket", patience))
    )
  )

/** Where a node that does not have the session says it is. */
const movedTo = (socket: WebSocket) =>
  Effect.callback<string | undefined>((resume) => {
    socket.once("close", () => resume(Effect.succeed(undefined)))
    socket.once("message", (data: Buffer) => {
      const read = SessionEvent.fromJson(data.toString())
      const event = read._tag === "Success" ? read.success : undefined
      resume(Effect.succeed(event?.type === "session.moved" ? event.url : undefined))
    })
    socket.resume()
  }).pipe(Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.succeed(undefined) }))

/** The address that a server names, as the former one asked: with its rates and token, and no less protected. */
const nextUrl = (from: URL, moved: string | undefined): URL | undefined => {
  if (moved === undefined || !URL.canParse(moved)) return undefined
  const url = new URL(moved)
  if (!/^wss?:$/.test(url.protocol) || (/^(?:wss|https):$/.test(from.protocol) && url.protocol !== "wss:")) {
    return undefined
  }
  url.search = from.search
  return url
}

/** Opens the socket of a session at the node that has it, or at the first one, which passes it on. */
const dial = (
  first: URL,
  token: string | undefined,
  url = first,
  moves = 0
): Effect.Effect<WebSocket, BackendError, Scope.Scope> =>
  Effect.gen(function*() {
    const opening = openSocket(url, token, moves <= MAX_MOVES)
    const socket = yield* (url === first ? opening : Effect.catch(opening, () => openSocket(first, token, false)))
    if (socket.protocol !== MOVED_SUBPROTOCOL) return socket
    const next = nextUrl(url, yield* movedTo(socket))
    return next === undefined || moves === MAX_MOVES
      ? yield* dial(first, token, first, MAX_MOVES + 1)
      : yield* dial(first, token, next, moves + 1)
  })

/**
 * A connection over a server's WebSocket: to a new session of the server at a URL, or to the session whose URL it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const remote = (
  address: string,
  apiKey: string | undefined,
  listener: Listener,
  rates: Rates = WIDEBAND
): Effect.Effect<Line, BackendError, Scope.Scope> =>
  Effect.gen(function*() {
    const { general, token, url } = yield* resolve(address, apiKey)
    // A server has no business with the sockets of this machine (`ws+unix:`).
    if (!isHttp(url)) {
      return yield* new ConnectionFailed({ op, message: "the session's WebSocket: expected a ws:// or wss:// URL" })
    }
    for (const each of general === undefined ? [url] : [url, general]) {
      each.searchParams.set("input_rate", String(rates.input))
      each.searchParams.set("output_rate", String(rates.output))
    }
    const clock = yield* Clock.Clock
    const limits = new TalkLimits.TalkLimits(MonotonicTime.nowMs(clock))
    const socket = yield* general === undefined
      ? dial(url, token)
      // Whoever had the session may be gone by now.
      : Effect.catch(dial(url, token), (error) => Effect.mapError(dial(general, token), () => error))
    let over = (): void => {}
    /** Ends a connection that the server misuses. */
    const end = (reason: string): void => {
      listener.closed(reason)
      socket.terminate()
    }
    socket.binaryType = "nodebuffer"
    socket.on("message", (data: Buffer, binary: boolean) => {
      if (socket.readyState !== WebSocket.OPEN) return
      const nowMs = MonotonicTime.nowMs(clock)
      const exceeded = binary
        ? limits.audio(data.length / 2 * 1000 / rates.output, nowMs)
        : limits.event(data.length, nowMs)
      if (exceeded !== undefined) return end(exceeded)
      if (binary) return listener.audio(copyInt16(data))
      const json = data.toString()
      const value = parse(json)
      // What is no JSON is no event.
      if (value === undefined) return
      const read = SessionEvent.fromJson(json)
      listener.event(read._tag === "Success" ? read.success : undefined, JSON.stringify(value))
    })
    for (const control of ["ping", "pong"] as const) {
      socket.on(control, (data: Buffer) => {
        if (socket.readyState !== WebSocket.OPEN) return
        const exceeded = limits.event(data.length, MonotonicTime.nowMs(clock))
        if (exceeded !== undefined) return end(exceeded)
        if (control === "ping" && socket.bufferedAmount < TalkLimits.MAX_UNSENT_BYTES) socket.pong(data)
      })
    }
    socket.on("close", (code, reason) => {
      listener.closed(reason.length > 0 ? reason.toString() : `closed with ${code}`)
      over()
    })
    socket.on("error", (cause) => {
      if ("code" in cause && cause.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") {
        end(`the server sent a message of more than ${TalkLimits.MAX_MESSAGE_BYTES} bytes`)
      }
    })
    if (socket.readyState !== WebSocket.OPEN) {
      return yield* new ConnectionFailed({ op, message: "the connection was lost" })
    }
    socket.resume()
    return {
      send: (pcm) => {
        if (socket.readyState !== WebSocket.OPEN) {
          return
        }
        if (socket.bufferedAmount > TalkLimits.MAX_UNSENT_BYTES) return end("the server has stopped reading")
        socket.send(fromInt16(pcm))
      },
      hangup: Effect.callback<void>((resume) => {
        if (socket.readyState !== WebSocket.OPEN) return resume(Effect.void)
        over = () => resume(Effect.void)
        socket.send(JSON.stringify({ type: "session.end" }))
      }).pipe(Effect.timeoutOption(patience), Effect.asVoid)
    }
  })
