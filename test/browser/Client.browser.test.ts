/**
 * `effect-voice/client` in a real Chromium, against the real server, through a WebSocket that the test can speak on.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Page, WebSocketRoute } from "playwright-core"
import type * as Client from "../../src/client/index.ts"
import { closeCodes } from "../../src/client/protocol/WireProtocol.ts"
import * as Browser from "./Browser.ts"
import { silence } from "./Scene.ts"

if (Browser.missing !== undefined) process.stderr.write(`skipped, browser client: ${Browser.missing}\n`)

/** Passes everything on between page and server; gives each socket of a session as it is opened. */
const intercept = async (page: Page) => {
  const sockets: Array<WebSocketRoute> = []
  await page.routeWebSocket(/\/audio/u, (socket) => {
    const server = socket.connectToServer()
    socket.onMessage((message) => server.send(message))
    server.onMessage((message) => socket.send(message))
    sockets.push(socket)
  })
  return sockets
}

/** A typed call in the page; what happens to it is kept in `globalThis.log`. */
const connect = async (page: Page) => {
  // As text, or Vite would replace the import by one of its own.
  await page.evaluate("import('/client/index.js').then((client) => Object.assign(globalThis, { client }))")
  await page.evaluate(async () => {
    const { VoiceClient }: typeof Client = Reflect.get(globalThis, "client")
    const log: Array<unknown> = []
    Object.assign(globalThis, { log })
    const call = await VoiceClient.connect({ input: false })
    call.on("unknown", (event) => log.push(event))
    call.on("connection.slow", ({ connection }) => log.push({ connection }))
    call.on("message", ({ type }) => type === "unknown" || type === "connection.slow" ? log.push(type) : undefined)
    call.on("connection", ({ state }) => log.push(state))
    call.on("ended", ({ error, reason }) => log.push({ reason, code: error?.code ?? null }))
    // A listener that throws is the page's to see, and does not stop the others.
    call.on("connection.slow", () => {
      throw new Error("a listener's own")
    })
  })
}

const logged = async (page: Page, count: number): Promise<ReadonlyArray<unknown>> => {
  await page.waitForFunction(
    (count) => {
      const log: unknown = Reflect.get(globalThis, "log")
      return Array.isArray(log) && log.length >= count
    },
    count,
    { timeout: 30_000 }
  )
  return await page.evaluate(() => Reflect.get(globalThis, "log"))
}

describe.skipIf(Browser.missing !== undefined)("browser client", () => {
  let server: Awaited<ReturnType<typeof Browser.serve>>
  beforeAll(async () => {
    server = await Browser.serve()
  }, 120_000)
  afterAll(async () => {
    assert.strictEqual(await server.stop(), 0)
  }, 60_000)

  it("passes on events that it knows and that it does not know", async () => {
    const { close, page } = await Browser.open(server.url, silence(1))
    try {
      const sockets = await intercept(page)
      await page.reload()
      await connect(page)
      const later = { type: "user.yawned", seq: 1_000, at_ms: 5, digit: "5" }
      sockets[0]?.send(JSON.stringify(later))
      sockets[0]?.send(JSON.stringify({ type: "connection.slow", seq: 1_001, at_ms: 5, connection: "websocket-1" }))
      sockets[0]?.send("not a message")
      assert.deepStrictEqual(await logged(page, 4), [
        "unknown",
        { type: "unknown", name: "user.yawned", raw: later },
        "connection.slow",
        { connection: "websocket-1" }
      ])
    } finally {
      await close()
    }
  }, 90_000)

  it("stops or connects again after each close code, as the table of the protocol says", async () => {
    const { close, page } = await Browser.open(server.url, silence(1))
    try {
      const sockets = await intercept(page)
      await page.reload()
      const errors = new Map([[1000, undefined], [4408, "session_replaced"], [4429, "rate_limit_exceeded"]])
      for (const [key, { client, reason }] of Object.entries(closeCodes)) {
        const code = Number(key)
        await connect(page)
        await sockets.at(-1)?.close({ code, reason })
        if (client === "reconnect") {
          assert.deepStrictEqual(await logged(page, 2), ["reconnecting", "connected"], key)
        } else {
          const error = errors.get(code)
          assert.deepStrictEqual(
            await logged(page, 2),
            ["ended", { reason: error ?? "closed", code: error ?? null }],
            key
          )
        }
      }
    } finally {
      await close()
    }
  }, 180_000)

  it("says why there is no call when the server ends the session before it has begun", async () => {
    const { close, page } = await Browser.open(server.url, silence(1))
    try {
      let answer: object = {}
      await page.routeWebSocket(/\/audio/u, (socket) => {
        setTimeout(() => socket.send(JSON.stringify({ seq: 1, at_ms: 1, ...answer })), 50)
      })
      await page.reload()
      await page.evaluate("import('/client/index.js').then((client) => Object.assign(globalThis, { client }))")
      const connect = async (message: object) => {
        answer = message
        return await page.evaluate(async () => {
          const { VoiceClient }: typeof Client = Reflect.get(globalThis, "client")
          const began = performance.now()
          const code = await VoiceClient.connect({ input: false }).then(
            () => "connected",
            ({ code, details }) => [code, details?.reason ?? null]
          )
          return [code, performance.now() - began < 10_000]
        })
      }
      const ended = { type: "session.ended" }
      assert.deepStrictEqual(await connect({ ...ended, reason: "failed" }), [["session_not_found", "failed"], true])
      assert.deepStrictEqual(await connect({ ...ended, reason: "taken_over" }), [["connection_failed", null], true])
      assert.deepStrictEqual(
        await connect({ type: "connection.detached", connection: "websocket-1", reason: "replaced" }),
        [["session_replaced", null], true]
      )
    } finally {
      await close()
    }
  }, 90_000)

  it("gives up a server that loses each connection as soon as it has begun", async () => {
    const { close, page } = await Browser.open(server.url, silence(1))
    try {
      let opened = 0
      await page.routeWebSocket(/\/audio/u, (socket) => {
        opened++
        const server = socket.connectToServer()
        socket.onMessage((message) => server.send(message))
        server.onMessage((message) => {
          socket.send(message)
          if (typeof message === "string" && message.includes("session.started")) {
            socket.send(JSON.stringify({ type: "session.ended", seq: 2, at_ms: 1, reason: "taken_over" }))
          }
        })
      })
      await page.reload()
      await page.evaluate("import('/client/index.js').then((client) => Object.assign(globalThis, { client }))")
      const reason = await page.evaluate(async () => {
        const { VoiceClient }: typeof Client = Reflect.get(globalThis, "client")
        const call = await VoiceClient.connect({ input: false, resumeWindowMs: 3_000 })
        return await new Promise<string>((resolve) => call.on("ended", ({ reason }) => resolve(reason)))
      })
      assert.strictEqual(reason, "connection_lost")
      assert.isAtMost(opened, 12)
    } finally {
      await close()
    }
  }, 90_000)
})
