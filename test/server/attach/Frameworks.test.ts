/** One port for an application in Express, in Fastify, in the manner of Next's custom server, and for its calls. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope } from "effect"
import express from "express"
import fastify from "fastify"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Https from "node:https"
import { WebSocket, WebSocketServer } from "ws"
import * as Server from "../../../src/server/index.ts"
import { makeCertificate } from "../../support/Certificate.ts"
import { Recording } from "../../telemetry/RecordingTracer.ts"
import { begun, close, listening, originOf, redacted, talked } from "../Mounted.ts"
import { call } from "../support.ts"
import { session, talk, talking, until } from "../Talking.ts"

/** What a WebSocket of the application's own says first. */
const greeting = (origin: string) =>
  Effect.callback<string>((resume) => {
    const socket = new WebSocket(`${origin}/own/socket`)
    socket.on("error", (error) => resume(Effect.succeed(error.message)))
    socket.on("message", (data: Buffer) => {
      socket.terminate()
      resume(Effect.succeed(data.toString()))
    })
  })

/** A WebSocket of the application's own; `ws` refuses all others of the server. */
const ownSocket = (server: Http.Server) => {
  new WebSocketServer({ server, path: "/own/socket" }).on(
    "connection",
    (socket) => socket.send("the application's own")
  )
}

const post = (url: string) =>
  call(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ word: "sent" })
  })

/**
 * The application answers, and so do we, whoever attached first; a call is drained at the release, and the application
 * answers still. `POST /echo` of the application answers with the body's `word`.
 */
const oneServer = (server: Http.Server, start: Effect.Effect<unknown, never, Scope.Scope>) => {
  const recording = new Recording()
  return Effect.gen(function*() {
    const scope = yield* Scope.make()
    yield* Scope.provide(
      Layer.build(Server.attach(server, { prefix: "/voice" }).pipe(Layer.provide(talking))),
      scope
    )
    yield* start
    const origin = originOf(server)
    const own = Effect.gen(function*() {
      assert.strictEqual((yield* call(origin)).text, "the application's own")
      assert.strictEqual((yield* post(`${origin}/echo`)).text, "sent")
      assert.strictEqual(yield* greeting(origin), "the application's own")
    })
    yield* own

    const { json } = yield* talked(`${origin}/voice`)
    const providers = yield* call(`${origin}/voice/v1/providers`)
    assert.deepStrictEqual([providers.status, providers.headers.get("x-powered-by")], [200, null])
    assert.include((yield* call(`${origin}/voice/`)).text, "<!doctype html>")
    assert.strictEqual((yield* call(`${origin}/voice/nope`)).json["code"], "route_not_found")
    yield* own

    const { ended, json: last } = yield* begun(`${origin}/voice`)
    yield* Scope.close(scope, Exit.void)
    assert.strictEqual(yield* ended, "drained")
    yield* own
    assert.strictEqual((yield* call(`${origin}/voice/v1/providers`)).status, 404)
    return [json["token"], last["token"]]
  }).pipe(
    Effect.scoped,
    recording.provide,
    Effect.map((tokens) => redacted(recording, tokens))
  )
}

describe("Server.attach in a framework", () => {
  it.live("shares a port with Express", () =>
    Effect.suspend(() => {
      const app = express()
      app.use(express.json())
      app.get("/", (_request, response) => response.send("the application's own"))
      app.post("/echo", ({ body }, response) => {
        assert(typeof body === "object" && body !== null && "word" in body)
        response.send(String(body.word))
      })
      const server = Http.createServer(app)
      ownSocket(server)
      return oneServer(server, listening(server))
    }))

  it.live("shares a port that Express listens on already", () =>
    Effect.gen(function*() {
      const app = express()
      app.get("/", (_request, response) => response.send("the application's own"))
      const server = yield* Effect.acquireRelease(
        Effect.callback<Http.Server>((resume) => {
          const server = app.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        close
      )
      yield* Layer.build(Server.attach(server, { prefix: "/voice" }).pipe(Layer.provide(talking)))
      const origin = originOf(server)
      assert.match(yield* talk((yield* session(`${origin}/voice`)).json), /good morning/)
      assert.strictEqual((yield* call(origin)).text, "the application's own")
      assert.include((yield* call(`${origin}/other`)).text, "Cannot GET /other")
    }).pipe(Effect.scoped))

  it.live("shares a port with Fastify", () =>
    Effect.suspend(() => {
      const app = fastify()
      app.get("/", (_request, reply) => reply.type("text/plain").send("the application's own"))
      app.post<{ readonly Body: { readonly word: string } }>("/echo", ({ body }, reply) => reply.send(body.word))
      ownSocket(app.server)
      return oneServer(
        app.server,
        Effect.acquireRelease(
          Effect.promise(() => app.listen({ host: "127.0.0.1", port: 0 })),
          () => Effect.andThen(close(app.server), Effect.promise(() => app.close()))
        )
      )
    }))

  it.live("shares a port with a handler that adds its own upgrades later, as Next's does", () =>
    Effect.suspend(() => {
      const sockets = new WebSocketServer({ noServer: true })
      const prepare = (server: Http.Server) =>
        server.on("upgrade", (request, socket, head) => {
          if (request.url !== "/own/socket") return socket.end()
          sockets.handleUpgrade(request, socket, head, (webSocket) => webSocket.send("the application's own"))
        })
      let isPrepared = false
      const handle: Http.RequestListener = (request, response) => {
        if (!isPrepared) prepare(server)
        isPrepared = true
        if (request.url === "/") return response.end("the application's own")
        if (request.url !== "/echo") return response.writeHead(404).end()
        let body = ""
        request.on("data", (data: Buffer) => body += data.toString()).on(
          "end",
          () => response.end(JSON.parse(body).word)
        )
      }
      const server = Http.createServer((request, response) => handle(request, response))
      return oneServer(server, listening(server))
    }))

  it.live("shares a port of node:https", () =>
    Effect.gen(function*() {
      const files = yield* makeCertificate
      const server = Https.createServer(
        { cert: Fs.readFileSync(files.cert), key: Fs.readFileSync(files.key) },
        (_request, response) => response.end("the application's own")
      )
      yield* listening(server)
      yield* Layer.build(Server.attach(server, { prefix: "/voice" }).pipe(Layer.provide(talking)))
      const { port } = new URL(originOf(server))
      const ask = (method: string, path: string, body = "") =>
        Effect.callback<string>((resume) => {
          const options = { host: "localhost", port, method, path, rejectUnauthorized: false, agent: false }
          const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) }
          Https.request({ ...options, headers }, (response) => {
            let text = ""
            response.on("data", (data: Buffer) => text += data.toString()).on("end", () => resume(Effect.succeed(text)))
          }).end(body)
        })
      assert.strictEqual(yield* ask("GET", "/"), "the application's own")
      const created = yield* ask(
        "POST",
        "/voice/v1/sessions",
        JSON.stringify({ user_id: "ada", transport: "websocket" })
      )
      const { connection_url, token } = JSON.parse(created)
      assert.match(connection_url, new RegExp(`^wss://localhost:${port}/voice/v1/sessions/`, "u"))
      const socket = yield* Effect.acquireRelease(
        Effect.sync(() =>
          new WebSocket(connection_url, ["effect-voice.v1", `token.${token}`], { rejectUnauthorized: false })
        ),
        (socket) => Effect.sync(() => socket.terminate())
      )
      assert.strictEqual((yield* until(socket, "session.started", "{}"))["resumed"], false)
    }).pipe(Effect.scoped))
})
