import { Effect, Exit, Scope } from "effect"
import { WebSocket } from "ws"
import type { ClientMessage } from "../../../src/session/ClientMessage.ts"
import * as WebSocketConnection from "../../../src/transport/websocket/WebSocketConnection.ts"
import { expect, expectDiscreet, type Surface } from "../Surface.ts"

/** A socket without a network: frames come by `emit`. */
class Line extends WebSocket {
  sent = 0
  constructor() {
    // @ts-expect-error -- a server's socket takes options, which its types leave out
    super(null, [], {})
    let state: number = WebSocket.OPEN
    Object.defineProperty(this, "readyState", { get: () => state })
    this.on("close", () => {
      state = WebSocket.CLOSED
    })
  }
  override send(): void {
    this.sent++
  }
  override ping(): void {}
  override pong(): void {
    this.sent++
  }
  override resume(): void {}
  override close(code = 1000): void {
    this.emit("close", code)
  }
  override terminate(): void {
    this.emit("close", 1006)
  }
}

/** Frames in a row: what kind it is, two bytes of length, the frame. */
const frames = (...list: ReadonlyArray<readonly [kind: "b" | "t" | "p" | "c", body: Uint8Array | string]>): Buffer =>
  Buffer.concat(list.flatMap(([kind, body]) => {
    const bytes = Buffer.from(body)
    return [Buffer.of(kind.charCodeAt(0), bytes.length >> 8, bytes.length & 0xff), bytes]
  }))

const pcm = Buffer.alloc(640, 5)

/** Both kinds of frames, in any order and cut anywhere. */
export const webSocketFrames: Surface = {
  name: "websocket-frames",
  seeds: [
    frames(["b", pcm], ["t", "{\"type\":\"user.text\",\"text\":\"hi\"}"], ["b", pcm.subarray(1)], [
      "b",
      pcm.subarray(0, 3)
    ]),
    frames(["t", "{\"type\":\"ping\"}"], ["t", "{"], ["p", "x"], ["b", ""], ["b", "a"], ["b", Buffer.alloc(9_000, 1)]),
    frames(["t", "{\"type\":\"playout.position\",\"turn\":1,\"played_ms\":20}"], ["t", "{\"type\":\"session.end\"}"], [
      "c",
      ""
    ])
  ],
  dictionary: ["b\u0000\u0001a", "t\u0000\u0002{}", "{\"type\":\"agent.interrupt\"}"],
  run: (input) => {
    let samples = 0
    let whole = 0
    let ends = 0
    const messages: Array<ClientMessage> = []
    const line = new Line()
    const scope = Scope.makeUnsafe()
    const { connection } = Effect.runSync(
      WebSocketConnection.make(line, { inputSampleRate: 16_000, outputSampleRate: 24_000 }).pipe(Scope.provide(scope))
    )
    connection.listen({
      audio: (pcm) => {
        samples += pcm.length
      },
      gap: () => {},
      message: (message) => messages.push(message),
      malformed: expectDiscreet,
      closed: () => ends++
    })
    for (let at = 0; at + 3 <= input.length;) {
      const kind = String.fromCharCode(input[at]!)
      const length = input[at + 1]! << 8 | input[at + 2]!
      const body = Buffer.from(input.subarray(at + 3, at + 3 + length))
      at += 3 + length
      if (kind === "c") {
        line.emit("close", 1000)
        break
      }
      if (kind === "p") line.emit("ping", body)
      else {
        const binary = kind !== "t"
        if (binary) whole += body.length >> 1
        line.emit("message", body, binary)
      }
    }
    connection.send(new Int16Array(480))
    Effect.runFork(Scope.close(scope, Exit.void))
    expect(samples === whole, () => `${samples} samples of ${whole} whole ones`)
    expect(ends === 1, () => `told ${ends} times of its end`)
  }
}
