/** What the front of several workers makes of requests that mean harm: over real sockets, with a worker that writes down. */
import { afterEach, assert, describe, it } from "@effect/vitest"
import * as Http from "node:http"
import * as Net from "node:net"
import * as Front from "../../../src/cli/workers/Front.ts"
import { SessionPlacement } from "../../../src/cli/workers/SessionPlacement.ts"

interface Asked {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: Http.IncomingHttpHeaders
  readonly body: string
}

const open: Array<{ readonly close: () => unknown }> = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

const listening = (server: Net.Server): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      open.push(server)
      const address = server.address()
      resolve(typeof address === "object" && address !== null ? address.port : 0)
    })
  )

/** A front with one worker, and all that the worker is asked. */
const start = async (options: { readonly headTimeoutMs?: number } = {}) => {
  const asked: Array<Asked> = []
  const worker = Http.createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const { headers, method, url } = request
      asked.push({ method, url, headers, body: Buffer.concat(chunks).toString() })
      response.end("asked")
    })
  })
  const port = await listening(worker)
  open.push({ close: () => worker.closeAllConnections() })
  const view = { index: 0, up: true, sessions: 0, port, onCreate: () => () => {}, handOver: () => {} }
  const front = Front.make({ workers: () => [view], places: new SessionPlacement(), maxConnections: 100, ...options })
  return { asked, port: await listening(front) }
}

/** Sends what it is given, bytes as they are, and gives all that comes back until the other side has no more to say. */
const send = (port: number, text: string, idleMs = 60_000): Promise<string> =>
  new Promise((resolve) => {
    let answer = ""
    const socket = Net.connect(port, "127.0.0.1", () => socket.write(text))
    socket.setTimeout(idleMs, () => socket.destroy())
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1")
    })
    socket.on("error", () => {})
    socket.on("close", () => resolve(answer))
  })

const once = "Host: x\r\nConnection: close\r\n"
const smuggled = "GET /v1/sessions/stolen HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.9.9.9\r\n\r\n"
const chunked = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`

describe("the front of several workers", () => {
  for (const method of ["GET", "DELETE", "OPTIONS", "HEAD", "POST", "PATCH"]) {
    it(`lets no request through in the body of another: ${method}`, async () => {
      const { asked, port } = await start()
      await send(
        port,
        `${method} /v1/sessions/a HTTP/1.1\r\n${once}Transfer-Encoding: chunked\r\n\r\n${chunked(smuggled)}`
      )
      await send(
        port,
        `${method} /v1/sessions/b HTTP/1.1\r\n${once}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`
      )
      assert.deepStrictEqual(asked.map(({ url }) => url), ["/v1/sessions/a", "/v1/sessions/b"])
      for (const { headers } of asked) assert.strictEqual(headers["x-forwarded-for"], "127.0.0.1")
      assert.deepStrictEqual(asked.map(({ body }) => body), [smuggled, smuggled])
    })
  }

  it("takes no request whose length is said in two ways, or wrongly", async () => {
    const { asked, port } = await start()
    for (
      const length of [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: -1",
        "Content-Length: 5x",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked"
      ]
    ) {
      const answer = await send(port, `POST /v1/sessions HTTP/1.1\r\nHost: x\r\n${length}\r\n\r\n0\r\n\r\n${smuggled}`)
      assert.match(answer, /^HTTP\/1\.1 400 /u, length)
    }
    assert.deepStrictEqual(asked, [])
  })

  it("asks for lists and metrics without what came with the question", async () => {
    const { asked, port } = await start()
    const answer = await send(port, `GET /v1/sessions HTTP/1.1\r\n${once}Content-Length: 3\r\n\r\nabc`)
    assert.strictEqual(asked.length, 1, answer)
    assert.strictEqual(asked[0]?.body, "")
  })

  it("says anew who asks", async () => {
    const { asked, port } = await start()
    await send(port, `GET /x HTTP/1.1\r\n${once}X-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\n\r\n`)
    assert.strictEqual(asked[0]?.headers["x-forwarded-for"], "10.0.0.1, 127.0.0.1")
    assert.isUndefined(asked[0]?.headers["forwarded"])
  })

  it("waits for a head no longer than it says, however slowly it comes", async () => {
    const [short, long] = [await start({ headTimeoutMs: 300 }), await start()]
    const closed: Array<string> = []
    const drip = (name: string, port: number) =>
      new Promise<void>((resolve) => {
        const socket = Net.connect(port, "127.0.0.1")
        const timer = setInterval(() => socket.write("G"), 50)
        open.push({ close: () => socket.destroy() })
        socket.on("error", () => {})
        socket.on("close", () => {
          clearInterval(timer)
          closed.push(name)
          resolve()
        })
      })
    await Promise.race([drip("300 ms", short.port), drip("the default", long.port)])
    assert.deepStrictEqual(closed, ["300 ms"])
  })
})
