/**
 * A TCP connection of AudioSocket as media connections use a WebSocket: a message for each frame.
 *
 * @since 0.1.0
 */
import { EventEmitter } from "node:events"
import type { Socket } from "node:net"
import { AudioSocketFrames } from "../../../protocols/audiosocket/AudioSocketFrames.ts"
import type { MessageSocket } from "../../../transport/websocket/MessageSocket.ts"

const OPEN = 1
const CLOSING = 2
const CLOSED = 3
/** The close codes that a WebSocket would have: closed in order, and lost. */
const NORMAL = 1_000
const ABNORMAL = 1_006

class TcpMediaSocket extends EventEmitter implements MessageSocket {
  readonly #socket: Socket
  readonly #frames = new AudioSocketFrames()
  #code = ABNORMAL
  readyState = OPEN

  constructor(socket: Socket) {
    super()
    this.#socket = socket
    // a dead peer is found by TCP
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 15_000)
    socket.on("data", (data) => {
      // a frame may be kept until somebody listens, the bytes of a read may not
      this.#frames.push(data, (frame) => void this.emit("message", Buffer.from(frame), true))
    })
    socket.on("end", () => {
      this.#code = NORMAL
    })
    socket.on("error", (error) => void this.emit("error", error))
    socket.on("close", () => {
      this.readyState = CLOSED
      this.emit("close", this.#code, Buffer.alloc(0))
    })
  }

  get isPaused(): boolean {
    return this.#socket.isPaused()
  }

  get bufferedAmount(): number {
    return this.#socket.writableLength
  }

  send(data: string | Uint8Array): void {
    if (this.readyState === OPEN) this.#socket.write(data)
  }

  close(): void {
    if (this.readyState !== OPEN) return
    this.readyState = CLOSING
    this.#code = NORMAL
    this.#socket.end()
    // Asterisk closes its end; what it sends until then is not read
    this.#socket.resume()
  }

  terminate(): void {
    this.#socket.destroy()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** TCP does it by itself. */
  ping(): void {
    if (this.readyState === OPEN) queueMicrotask(() => this.emit("pong", Buffer.alloc(0)))
  }

  pong(): void {}
}

/**
 * A socket that is paused until somebody listens. It has what media connections use of a WebSocket, and no more.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (socket: Socket): MessageSocket => {
  socket.pause()
  return new TcpMediaSocket(socket)
}
