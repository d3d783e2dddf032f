/**
 * Takes telemetry and throws it away, in a process of its own; tells its parent where it listens, and how much came.
 *
 * @since 0.1.0
 */
import { createServer } from "node:http"

let bytes = 0
let requests = 0
const server = createServer((request, response) => {
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length
  })
  request.on("end", () => {
    requests++
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end()
  })
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.send?.({ port: typeof address === "object" && address !== null ? address.port : 0 })
})
process.on("message", () => process.send?.({ bytes, requests }))
process.on("disconnect", () => process.exit(0))
