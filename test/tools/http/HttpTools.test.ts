/** Requests over HTTP as tools: what is sent of what a model writes, and what it is told. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { HttpToolOptions, HttpTools } from "../../../src/agent/tools/HttpToolOptions.ts"
import * as HttpToolRequest from "../../../src/tools/http/HttpToolRequest.ts"
import * as Http from "../../../src/tools/http/index.ts"

type Given = typeof HttpToolOptions.Encoded

const options = (given: Partial<Given>) =>
  Schema.decodeSync(HttpToolOptions)({ name: "it", description: "It.", url: "https://api.example.com/", ...given })

const parameters = (...names: ReadonlyArray<string>) => ({
  type: "object",
  properties: Object.fromEntries(names.map((name) => [name, {}])),
  required: []
})

const requestOf = (given: Partial<Given>, input: { readonly [key: string]: unknown }) =>
  Result.match(HttpToolRequest.make(options(given), input), {
    onFailure: (message): string | HttpToolRequest.HttpToolRequest => message,
    onSuccess: (request) => request
  })

const server = (answer: (request: IncomingMessage, response: ServerResponse, body: string) => void) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer(async (request, response) => {
        let body = ""
        for await (const part of request) body += String(part)
        answer(request, response, body)
      })
      await new Promise<void>((resume) => void server.listen(0, "127.0.0.1", resume))
      const { port } = server.address() as AddressInfo // it listens on a port
      return { server, url: `http://127.0.0.1:${port}` }
    }),
    ({ server }) =>
      Effect.promise(() =>
        new Promise<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume())
        })
      )
  )

const call = (given: Partial<Given>, input: { readonly [key: string]: unknown } = {}) =>
  Effect.flatMap(Http.make([options(given)]), (source) => source.tools()[0]!.call(input)).pipe(
    Effect.match({ onFailure: ({ message }) => `failed: ${message}`, onSuccess: (text) => text })
  )

describe("HttpToolRequest", () => {
  it("puts parameters into the path, the query and the body, encoded", () => {
    const all = parameters("id", "q", "page", "tags")
    assert.deepStrictEqual(
      requestOf({ url: "https://a.example/o/{id}/x?q={q}&page={page}&fixed=1", parameters: all }, {
        id: "a/b?c#d e",
        q: "&x=1",
        tags: ["a", "b"],
        admin: true
      }),
      { url: "https://a.example/o/a%2Fb%3Fc%23d%20e/x?q=%26x%3D1&fixed=1&tags=a%2Cb" }
    )
    assert.deepStrictEqual(
      requestOf({ method: "POST", url: "https://a.example/o/{id}", parameters: all }, {
        id: 7,
        q: "x",
        tags: ["a"],
        no: 1
      }),
      { url: "https://a.example/o/7", body: "{\"q\":\"x\",\"tags\":[\"a\"]}" }
    )
    assert.deepStrictEqual(
      requestOf({
        method: "PUT",
        url: "https://a.example/o",
        parameters: all,
        body: { order: { id: "{id}", note: "for {q}", page: "{page}" }, tags: "{tags}", kind: "call" }
      }, { id: 7, q: "x\"}", tags: ["a"] }),
      {
        url: "https://a.example/o",
        body: "{\"order\":{\"id\":7,\"note\":\"for x\\\"}\"},\"tags\":[\"a\"],\"kind\":\"call\"}"
      }
    )
  })

  it("lets no text leave its place", () => {
    const given = { url: "https://a.example/o/{id}/cancel?q={q}", parameters: parameters("id", "q") }
    for (const id of ["..", ".", "%2e%2e", "", undefined, null]) {
      const made = requestOf(given, { id, q: "x" })
      if (id === "%2e%2e") assert.deepStrictEqual(made, { url: "https://a.example/o/%252e%252e/cancel?q=x" })
      else assert.isString(made, String(id))
    }
    assert.strictEqual(
      requestOf({ ...given, parameters: { ...given.parameters, required: ["q"] } }, { id: "x" }),
      "the parameter q is required"
    )
    assert.strictEqual(requestOf(given, { id: "x".repeat(10_000) }), "the input is too long")
    assert.isObject(requestOf(given, { id: "\ud800", q: "\udfff" }))
  })

  it.effect.prop(
    "stays on its host and path, whatever a model writes",
    [Schema.String, Schema.String, Schema.Json],
    ([id, q, other]) =>
      Effect.sync(() => {
        const made = requestOf({
          url: "https://a.example:8443/o/{id}/x{q}/end?q={q}",
          parameters: parameters("id", "q", "other")
        }, {
          id,
          q,
          other
        })
        if (typeof made === "string") return
        const url = new URL(made.url)
        assert.strictEqual(url.origin, "https://a.example:8443")
        assert.match(url.pathname, /^\/o\/[^/]+\/x[^/]*\/end$/u)
        assert.strictEqual(url.searchParams.get("q") ?? "", q.toWellFormed())
        assert.strictEqual(url.hash, "")
      })
  )

  it("refuses definitions that cannot be meant", () => {
    const faultOf = (given: Partial<Given>) =>
      Result.match(
        Schema.decodeUnknownResult(HttpToolOptions)({
          name: "it",
          description: "It.",
          url: "https://a.example",
          ...given
        }),
        {
          onFailure: (error) => error.message,
          onSuccess: () => "none"
        }
      )
    assert.match(faultOf({ url: "https://{host}/x", parameters: parameters("host") }), /whose host has no parameter/u)
    assert.match(
      faultOf({ url: "https://a{host}.example/x", parameters: parameters("host") }),
      /whose host has no parameter/u
    )
    assert.match(faultOf({ url: "https://user@a.example/x" }), /whose host has no parameter/u)
    assert.match(faultOf({ url: "https://a.example\\@evil.example/x" }), /whose host has no parameter/u)
    assert.match(faultOf({ url: "file:///etc/passwd" }), /expected an http/u)
    assert.match(faultOf({ url: "https://a.example/{id}" }), /the parameter id is not declared/u)
    assert.match(faultOf({ method: "POST", body: { a: ["{id}"] } }), /the parameter id is not declared/u)
    assert.match(faultOf({ body: {} }), /not available with method GET/u)
    assert.match(faultOf({ parameters: { type: "array" } }), /the JSON Schema of an object/u)
    const twice = Schema.decodeUnknownResult(HttpTools)([{ name: "a", description: "A", url: "http://a" }, {
      name: "a",
      description: "B",
      url: "http://b"
    }])
    assert.isTrue(Result.isFailure(twice))
  })
})

describe("HTTP tools", () => {
  it.live("tell a model what a server answers, and bound it", () =>
    Effect.gen(function*() {
      const asked: Array<unknown> = []
      const { url } = yield* server((request, response, body) => {
        asked.push([request.method, request.url, request.headers.authorization, body])
        switch (request.url?.split("?")[0]) {
          case "/json":
            return response.writeHead(200, { "content-type": "application/json" }).end(
              "{\"sky\":\"clear\",\"key\":\"key-of-ours-123\"}"
            )
          case "/missing":
            return response.writeHead(404, { "content-type": "text/plain" }).end("no such  order")
          case "/image":
            return response.writeHead(200, { "content-type": "image/png", "content-length": "5" }).end("12345")
          case "/empty":
            return response.writeHead(204).end()
          case "/endless": {
            response.writeHead(200, { "content-type": "text/plain" })
            const more = () => {
              while (!response.destroyed && response.write("x".repeat(65_536)));
            }
            response.on("drain", more)
            return more()
          }
          case "/silent":
            return
          default:
            return response.destroy()
        }
      })
      const headers = { authorization: "Bearer key-of-ours-123" }
      const at = (path: string, more: Partial<Given> = {}) => call({ url: `${url}${path}`, headers, ...more })
      assert.strictEqual(yield* at("/json"), "{\"sky\":\"clear\",\"key\":\"<redacted>\"}")
      assert.deepStrictEqual(asked, [["GET", "/json", "Bearer key-of-ours-123", ""]])
      assert.strictEqual(yield* at("/missing"), "failed: status 404: no such order")
      assert.strictEqual(yield* at("/image"), "[image/png, 5 bytes]")
      assert.strictEqual(yield* at("/empty", { method: "DELETE" }), "done (status 204)")
      assert.isAtMost((yield* at("/endless")).length, 32_769)
      assert.match(yield* at("/silent", { timeout: "200ms" }), /failed: it did not answer within 200ms/u)
      assert.strictEqual(yield* at("/reset"), "failed: its server could not be reached")
    }).pipe(Effect.scoped))

  it.live("follow redirects within their origin alone", () =>
    Effect.gen(function*() {
      const elsewhere: Array<unknown> = []
      const other = yield* server((request, response) => {
        elsewhere.push(request.headers)
        response.end("secret")
      })
      const { url } = yield* server((request, response) => {
        switch (request.url) {
          case "/here":
            return response.writeHead(302, { location: "/there" }).end()
          case "/there":
            return response.writeHead(200, { "content-type": "text/plain" }).end(`there ${request.headers["x-key"]}`)
          case "/loop":
            return response.writeHead(302, { location: "/loop" }).end()
          case "/local":
            return response.writeHead(302, { location: "file:///etc/passwd" }).end()
          default:
            return response.writeHead(307, { location: `${other.url}/x` }).end()
        }
      })
      const at = (path: string, more: Partial<Given> = {}) =>
        call({ url: `${url}${path}`, headers: { "x-key": "k" }, ...more })
      assert.strictEqual(yield* at("/here"), "there k")
      for (const path of ["/loop", "/away", "/local"]) assert.match(yield* at(path), /failed: it was redirected/u)
      assert.match(yield* at("/here", { method: "POST" }), /failed: it was redirected/u)
      assert.lengthOf(elsewhere, 0)
    }).pipe(Effect.scoped))
})
