/**
 * One WebSocket to a session: the handshake, keep-alive pings, and what its close code means for the call.
 *
 * @since 0.1.0
 */
import { parseServerMessage } from "../protocol/ClientProtocol.ts"
import { type ClientMessage, closeCodes, MOVED_SUBPROTOCOL, SUBPROTOCOL } from "../protocol/WireProtocol.ts"
import { handshakeRefusal, sessionUrl, unreachable } from "../SessionApi.ts"
import { basesOf, MAX_MOVES, mayFollow } from "../SessionMoves.ts"
import { sleep } from "../Sleep.ts"
import { abortError, isFinal, sessionReplaced, VoiceClientError } from "../VoiceClientError.ts"
import type { Link, LinkHandlers, SessionTarget } from "./CallMedia.ts"

/** How often a ping goes out; a link whose last ping is unanswered when the next is due counts as dead. */
const PING_INTERVAL_MS = 10_000
const OPEN_TIMEOUT_MS = 10_000
/** How long an address may take after which another is tried. */
const NODE_TIMEOUT_MS = 4_000
/** How long the server may take to answer the ping of a page that has slept. */
const PROBE_TIMEOUT_MS = 4_000
/** The longest binary message that is played: 20 s at 24 kHz, far more than a server sends at once. */
const MAX_AUDIO_BYTES = 1_048_576

/** The errors of close codes after which the client stops although the session is not over. */
const errorsByReason: { readonly [reason: string]: () => VoiceClientError } = {
  replaced: sessionReplaced,
  rate_limited: () =>
    new VoiceClientError("rate_limit_exceeded", "You have used up the audio that this server allows. Try again later.")
}

/**
 * What a close code means for the call.
 *
 * @category conversions
 * @since 0.1.0
 */
export const lossOf = (code: number): Parameters<LinkHandlers["lost"]>[0] => {
  const known = closeCodes[code]
  if (known?.client !== "stop") return {}
  const error = errorsByReason[known.reason]?.()
  return error === undefined ? { closed: true } : { error }
}

/**
 * Sends a message if the socket is open.
 *
 * @category mutations
 * @since 0.1.0
 */
export const sendMessage = (socket: WebSocket, message: ClientMessage): void => {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
}

/** The address of a session's WebSocket. */
const audioUrl = (baseUrl: string, target: SessionTarget): string =>
  `${sessionUrl({ ...target, baseUrl }).replace(/^http/, "ws")}/audio`

/**
 * Opens a socket to a session, at the addresses of the session in order. Rejects with a `VoiceClientError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openSocket = async (target: SessionTarget, signal: AbortSignal): Promise<WebSocket> => {
  let refusal: unknown
  for (const base of basesOf(target)) {
    const isLastWord = base === target.baseUrl
    try {
      return await openAt(audioUrl(base, target), target, signal, isLastWord)
    } catch (error) {
      if (signal.aborted || (isLastWord && error instanceof VoiceClientError && isFinal(error))) throw error
      if (isLastWord) refusal = error
    }
  }
  throw refusal
}

/**
 * Opens a socket where the server at a URL has it, or says that it is: a node that does not have the session says where
 * (`session.moved`), or passes the connection on.
 */
const openAt = async (
  first: string,
  target: SessionTarget,
  signal: AbortSignal,
  isLastWord: boolean
): Promise<WebSocket> => {
  let url = first
  let follows = true
  for (let moves = 0;;) {
    try {
      const socket = await connectTo(url, target, signal, { follows, isLastWord: isLastWord && url === first })
      if (socket.protocol !== MOVED_SUBPROTOCOL) return socket
      const moved = await movedTo(socket)
      if (moved !== undefined && ++moves <= MAX_MOVES && mayFollow(url, moved)) {
        url = moved
        continue
      }
      if (!follows) throw new VoiceClientError("connection_failed", "The server did not connect the call.")
    } catch (error) {
      if (url === first || signal.aborted) throw error
      // The node that it was sent to cannot be reached from here: then the connection is passed on.
    }
    follows = false
    url = first
  }
}

const connectTo = async (
  url: string,
  target: SessionTarget,
  signal: AbortSignal,
  { follows, isLastWord }: { readonly follows: boolean; readonly isLastWord: boolean }
): Promise<WebSocket> => {
  const socket = await makeSocket(url, target, follows, signal)
  socket.binaryType = "arraybuffer"
  await handshake(
    socket,
    signal,
    isLastWord ? OPEN_TIMEOUT_MS : NODE_TIMEOUT_MS,
    () => isLastWord ? handshakeRefusal(target, signal) : Promise.resolve(undefined)
  )
  return socket
}

const makeSocket = async (
  url: string,
  target: SessionTarget,
  follows: boolean,
  signal: AbortSignal
): Promise<WebSocket> => {
  try {
    return new WebSocket(url, [
      SUBPROTOCOL,
      ...(follows ? [MOVED_SUBPROTOCOL] : []),
      ...(target.token === "" ? [] : [`token.${target.token}`])
    ])
  } catch (cause) {
    // The page is from https, and the server is not.
    if (cause instanceof DOMException && cause.name === "SecurityError") {
      throw await unreachable(sessionUrl(target), signal, cause)
    }
    const text = "The session's token has characters that no token has, such as white space."
    throw new VoiceClientError("authentication_failed", text, { cause })
  }
}

const handshake = (
  socket: WebSocket,
  signal: AbortSignal,
  timeoutMs: number,
  refusal: () => Promise<VoiceClientError | undefined>
): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (done: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener("abort", onAbort)
      socket.onopen = null
      socket.onclose = null
      done()
    }
    const fail = (error: VoiceClientError) =>
      settle(() => {
        socket.close()
        reject(error)
      })
    const onAbort = () => fail(abortError(signal))
    const timer = setTimeout(
      () => fail(new VoiceClientError("connection_timeout", "The server did not answer in time.")),
      timeoutMs
    )
    signal.addEventListener("abort", onAbort)
    if (signal.aborted) return onAbort()
    socket.onopen = () => settle(resolve)
    socket.onclose = () =>
      void refusal().then((refused) =>
        fail(refused ?? new VoiceClientError("connection_failed", "The server cannot be reached."))
      )
  })

/** Where a node that does not have the session says it is; `undefined` when it says nothing. */
const movedTo = (socket: WebSocket): Promise<string | undefined> =>
  new Promise((resolve) => {
    const settle = (url?: string) => {
      clearTimeout(timer)
      socket.onmessage = null
      socket.onclose = null
      socket.close()
      resolve(url)
    }
    const timer = setTimeout(settle, NODE_TIMEOUT_MS)
    socket.onclose = () => settle()
    socket.onmessage = (event: MessageEvent<unknown>) => {
      const message = typeof event.data === "string" ? parseServerMessage(event.data) : undefined
      settle(message?.type === "session.moved" ? message.url : undefined)
    }
  })

/**
 * Makes the link of an open socket. `onAudio` takes binary messages; `onGone` is called once, when the socket is lost or
 * closed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeLink = (
  socket: WebSocket,
  handlers: LinkHandlers,
  onAudio: (data: ArrayBuffer) => void,
  onGone: () => void
): Link => {
  let awaitingPong = false
  let probe: ReturnType<typeof setTimeout> | undefined
  const end = (code?: number) => {
    clearInterval(ping)
    clearTimeout(probe)
    socket.onmessage = null
    socket.onclose = null
    socket.close(code)
    onGone()
  }
  const dead = () => {
    end()
    handlers.lost({})
  }
  const ping = setInterval(() => {
    if (awaitingPong) return dead()
    awaitingPong = true
    sendMessage(socket, { type: "ping" })
  }, PING_INTERVAL_MS)
  socket.onmessage = (event: MessageEvent<unknown>) => {
    // Whatever comes shows that the server is alive.
    awaitingPong = false
    clearTimeout(probe)
    probe = undefined
    if (event.data instanceof ArrayBuffer) {
      return event.data.byteLength <= MAX_AUDIO_BYTES
        ? onAudio(event.data)
        : undefined
    }
    const message = typeof event.data === "string" ? parseServerMessage(event.data) : undefined
    if (message !== undefined) handlers.message(message)
  }
  socket.onclose = (event) => {
    end()
    handlers.lost(lossOf(event.code))
  }
  return {
    send: (message) => sendMessage(socket, message),
    close: () => end(1000),
    probe: () => {
      if (probe !== undefined || socket.readyState !== WebSocket.OPEN) return
      probe = setTimeout(dead, PROBE_TIMEOUT_MS)
      awaitingPong = true
      sendMessage(socket, { type: "ping" })
    }
  }
}

/** How often a session that nobody waits for is tried to be ended. */
const END_ATTEMPTS = 3

/**
 * Ends a session without a connection, by one that is opened for it: the user hung up while the former was lost. Gives up
 * after three attempts; the server then ends the session by its resume window. Never rejects.
 *
 * @category mutations
 * @since 0.1.0
 */
export const endSession = async (target: SessionTarget): Promise<void> => {
  const signal = AbortSignal.timeout(END_ATTEMPTS * OPEN_TIMEOUT_MS)
  for (let attempt = 1; attempt <= END_ATTEMPTS; attempt++) {
    try {
      const socket = await openSocket(target, signal)
      sendMessage(socket, { type: "session.end" })
      return socket.close(1000)
    } catch (error) {
      if (attempt === END_ATTEMPTS || (error instanceof VoiceClientError && isFinal(error))) return
      await sleep(attempt * 1_000, signal)
    }
  }
}
