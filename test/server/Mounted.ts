/** What the tests of mounted routes share: an application's server, calls below a prefix, and what spans show of them. */
import { assert } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type * as Http from "node:http"
import * as Net from "node:net"
import { everything, type Recording } from "../telemetry/RecordingTracer.ts"
import { connect, session, talk, until } from "./Talking.ts"

/** The origin of a server that listens. */
export const originOf = (server: Http.Server): string => {
  const address = server.address()
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`
}

export const close = (server: Http.Server) =>
  Effect.sync(() => {
    server.close()
    server.closeAllConnections()
  })

/** An application's server on loopback, closed at the end of the scope. */
export const listening = (server: Http.Server) =>
  Effect.acquireRelease(
    Effect.callback<string>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(originOf(server))))
    }),
    () => close(server)
  )

/** A request as bytes, and all that comes back until the server closes the connection. */
export const raw = (url: string, text: string) =>
  Effect.callback<string>((resume) => {
    const { port } = new URL(url)
    let answer = ""
    const socket = Net.connect(Number(port), "127.0.0.1", () => socket.write(text))
    socket.on("data", (data) => answer += data.toString()).on("close", () => resume(Effect.succeed(answer)))
    socket.on("error", () => {})
    return Effect.sync(() => socket.destroy())
  })

/** Creates a session below a URL, talks in it with its token in both places, and gives the answer of its creation. */
export const talked = Effect.fnUntraced(function*(url: string) {
  const created = yield* session(url)
  const { headers, json, status } = created
  assert.strictEqual(status, 201)
  assert.strictEqual(json["connection_url"], `${url.replace("http", "ws")}/v1/sessions/${json["id"]}/audio`)
  assert.strictEqual(headers.get("location"), `${new URL(url).pathname}/v1/sessions/${json["id"]}`)
  for (const query of ["", `?token=${json["token"]}`]) assert.match(yield* talk(json, query), /good morning/)
  return created
})

/** A call that goes on: its socket, and why it ended. */
export const begun = Effect.fnUntraced(function*(url: string) {
  const { json } = yield* session(url)
  const socket = yield* connect(json)
  yield* until(socket, "session.started", JSON.stringify({ type: "ping" }))
  const ended = yield* Effect.forkChild(until(socket, "session.ended", ""), { startImmediately: true })
  return { json, socket, ended: Effect.map(Fiber.join(ended), ({ reason }) => reason) }
})

/** No span has one of these tokens, though the tokens were in URLs. */
export const redacted = (recording: Recording, tokens: ReadonlyArray<string>): void => {
  const text = everything(recording)
  assert.include(text, "token=REDACTED")
  for (const token of tokens) assert.notInclude(text, token)
}
