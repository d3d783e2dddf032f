/**
 * What the sockets alone cost: a server that takes the messages of callers on the telephone and does nothing with them, and sends
 * as many as an agent who speaks half of the time. Prints its address; ends with its parent.
 *
 * @since 0.1.0
 */
import { type WebSocket, WebSocketServer } from "ws"

const MESSAGE = JSON.stringify({
  event: "media",
  streamSid: "MZ00000000000000000000000000000001",
  media: { payload: Buffer.alloc(160, 0xff).toString("base64") }
})
/** An answer, and a pause as long. */
const CYCLE = 200

const sockets = new Set<WebSocket>()
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, autoPong: false, perMessageDeflate: false })
server.on("connection", (socket) => {
  sockets.add(socket)
  socket.on("message", () => {})
  socket.on("close", () => sockets.delete(socket))
  socket.on("error", () => {})
})
server.once("listening", () => {
  const address = server.address()
  process.send?.({ phone: `ws://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}` })
})

let tick = 0
setInterval(() => {
  tick++
  let index = 0
  for (const socket of sockets) {
    const at = (tick + Math.floor(index++ * CYCLE / sockets.size)) % CYCLE
    if (at < CYCLE / 2) socket.send(MESSAGE)
  }
}, 20)
process.on("disconnect", () => process.exit(0))
