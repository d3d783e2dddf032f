import { assert, describe, it } from "@effect/vitest"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { createSession, exchangeOffer } from "../../src/client/SessionApi.ts"

/** Answers one request after the other with these bodies, and keeps what was asked. */
const answering = async (
  status: number,
  body: unknown,
  use: (url: string, asked: Array<IncomingMessage>) => unknown
) => {
  const asked: Array<IncomingMessage> = []
  const server = createServer((request, response) => {
    asked.push(request)
    request.resume()
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  // A TCP server's address is an object; only a pipe's is a string.
  const { port } = server.address() as AddressInfo
  try {
    await use(`http://127.0.0.1:${port}`, asked)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const request = (baseUrl: string, headers: Record<string, string> = {}) =>
  createSession({ baseUrl, headers, body: { user_id: "ada" }, signal: new AbortController().signal })

describe("SessionApi.createSession", () => {
  it("asks a server at its session limit again when it says so, within the retry window", async () => {
    const asked: Array<number> = []
    const server = createServer((incoming, response) => {
      incoming.resume()
      asked.push(performance.now())
      const free = asked.length > 2
      response.writeHead(free ? 201 : 503, { "content-type": "application/json" }).end(JSON.stringify(
        free
          ? { id: "s1", token: "t" }
          : { code: "session_limit_exceeded", detail: "too much to do", details: { retryAfterMs: 300 } }
      ))
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as AddressInfo
    const create = (retryWindowMs: number, signal = new AbortController().signal) =>
      createSession({ baseUrl: `http://127.0.0.1:${port}`, headers: {}, body: {}, signal, retryWindowMs })
    const codeOf = (promise: Promise<unknown>) => promise.then(() => undefined, ({ code }: { code?: unknown }) => code)
    try {
      assert.strictEqual(await codeOf(create(0)), "session_limit_exceeded")
      assert.strictEqual(asked.length, 1, "without a window it asks once")
      asked.length = 0
      assert.strictEqual(await codeOf(create(200)), "session_limit_exceeded")
      assert.strictEqual(asked.length, 1, "it does not wait beyond its window")
      asked.length = 0
      const cancelled = create(60_000, AbortSignal.timeout(100))
      assert.strictEqual(await codeOf(cancelled), "aborted")
      asked.length = 0
      assert.strictEqual((await create(60_000)).id, "s1")
      assert.strictEqual(asked.length, 3)
      assert.isAtLeast(asked[2]! - asked[0]!, 590)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  it("reads the ICE servers of the answer", () =>
    answering(
      201,
      { id: "s1", token: "t", ice_servers: [{ urls: ["turn:x"], username: "u", credential: "p" }] },
      async (url) =>
        assert.deepStrictEqual(await request(url), {
          id: "s1",
          token: "t",
          iceServers: [{ urls: ["turn:x"], username: "u", credential: "p" }],
          protocol: undefined,
          connectionUrl: undefined
        })
    ))

  it("reads which platform's client is needed, and where it connects", () =>
    answering(
      201,
      { id: "s1", token: "t", protocol: "livekit", connection_url: "ws://localhost:7880" },
      async (url) => {
        const { connectionUrl, protocol } = await request(url)
        assert.deepStrictEqual([protocol, connectionUrl], ["livekit", "ws://localhost:7880"])
      }
    ))

  it("has no ICE servers when the answer has none, or malformed ones", async () => {
    for (const ice_servers of [undefined, "turn:x", null, { urls: "turn:x" }]) {
      await answering(
        201,
        { id: "s1", token: "t", ice_servers },
        async (url) => assert.isUndefined((await request(url)).iceServers)
      )
    }
  })

  it("sends the API key, and fails with the server's code when it is missing or wrong", () =>
    answering(401, { code: "authentication_failed", detail: "missing API key" }, async (url, asked) => {
      const error = await request(url, { authorization: "Bearer k" }).then(() => undefined, (error: unknown) => error)
      assert.include(error, { name: "VoiceClientError", code: "authentication_failed" })
      assert.strictEqual(asked[0]?.headers.authorization, "Bearer k")
    }))

  it("works in browsers without AbortSignal.any, and is cancelled there, too", async () => {
    const { any } = AbortSignal
    Reflect.deleteProperty(AbortSignal, "any")
    const abort = new AbortController()
    try {
      await answering(201, { id: "s1", token: "t" }, async (url) => {
        assert.strictEqual((await request(url)).id, "s1")
        const target = { baseUrl: url, id: "s1", token: "t" }
        const offer = exchangeOffer(target, "v=0", abort.signal).then(() => undefined, (error: unknown) => error)
        abort.abort()
        assert.include(await offer, { name: "VoiceClientError", code: "aborted" })
      })
    } finally {
      AbortSignal.any = any
    }
  })

  it("hands over a session that is created after it was cancelled", async () => {
    const late: Array<string> = []
    let answer: (() => void) | undefined
    const server = createServer((incoming, response) => {
      incoming.resume()
      answer = () => response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify({ id: "s1" }))
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as AddressInfo
    try {
      const abort = new AbortController()
      const handed = new Promise<void>((resolve) => {
        const created = createSession({
          baseUrl: `http://127.0.0.1:${port}`,
          headers: {},
          body: {},
          signal: abort.signal,
          onLate: ({ id }) => {
            late.push(id)
            resolve()
          }
        })
        server.once("request", () => abort.abort())
        created.catch(({ code }: { code?: unknown }) => {
          assert.strictEqual(code, "aborted")
          assert.deepStrictEqual(late, [])
          answer?.()
        })
      })
      await handed
      assert.deepStrictEqual(late, ["s1"])
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  it("does not read an endless answer", async () => {
    let written = 0
    const server = createServer((incoming, response) => {
      incoming.resume()
      response.writeHead(201, { "content-type": "application/json" })
      const write = () => {
        while (!response.destroyed && response.write("x".repeat(65_536))) written += 65_536
      }
      response.on("drain", write)
      write()
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as AddressInfo
    try {
      const message = await request(`http://127.0.0.1:${port}`).then(() => "", (error: Error) => error.message)
      assert.match(message, /too long/u)
      assert.isBelow(written, 64 * 1_048_576)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  it("says which setting allows the page's origin when the server answers, and not when it is away", async () => {
    const former = Object.getOwnPropertyDescriptor(globalThis, "location")
    const original = globalThis.fetch
    const asked: Array<string> = []
    let isThere = true
    const use = (origin: string) => {
      const { protocol } = new URL(origin)
      Object.defineProperty(globalThis, "location", { value: { origin, protocol }, configurable: true })
    }
    // As a browser: what the page may not read fails, and is answered all the same.
    globalThis.fetch = (input, init) => {
      asked.push(`${init?.method ?? "GET"} ${init?.mode ?? "cors"} ${String(input)}`)
      return isThere && init?.mode === "no-cors"
        ? Promise.resolve(new Response())
        : Promise.reject(new TypeError("Failed to fetch"))
    }
    const refusal = (url: string): Promise<{ readonly message: string; readonly details?: { reason?: string } }> =>
      request(url).then(() => assert.fail("created"), (error) => error)
    try {
      use("http://localhost:5173")
      const refused = await refusal("http://127.0.0.1:8080/api/v1/voice")
      assert.strictEqual(refused.details?.reason, "origin_not_allowed")
      assert.include(refused.message, "add that to server.allowed_origins")
      assert.include(refused.message, "http://localhost:5173")
      const mounted = "http://127.0.0.1:8080/api/v1/voice"
      assert.deepStrictEqual(asked, [`POST cors ${mounted}/v1/sessions`, `GET no-cors ${mounted}/health/live`])
      isThere = false
      assert.strictEqual((await refusal("http://127.0.0.1:8080")).message, "The server cannot be reached.")
      asked.length = 0
      assert.strictEqual((await refusal("http://localhost:5173")).message, "The server cannot be reached.")
      assert.deepStrictEqual(asked, ["POST cors http://localhost:5173/v1/sessions"])
      use("https://example.com")
      assert.strictEqual((await refusal("http://voice.example.com")).details?.reason, "mixed_content")
    } finally {
      globalThis.fetch = original
      if (former === undefined) Reflect.deleteProperty(globalThis, "location")
      else Object.defineProperty(globalThis, "location", former)
    }
  })
})

/** Servers that answer offers as the test says; gives what each was asked. */
const offered = async (
  count: number,
  answerOf: (at: number, urls: ReadonlyArray<string>) => { status: number; body?: object; location?: string },
  use: (urls: ReadonlyArray<string>, asked: ReadonlyArray<ReadonlyArray<IncomingMessage>>) => Promise<void>
) => {
  const urls: Array<string> = []
  const asked = Array.from({ length: count }, () => Array<IncomingMessage>())
  const servers = asked.map((requests, at) =>
    createServer((request, response) => {
      requests.push(request)
      request.resume()
      const { body, location, status } = answerOf(at, urls)
      response.writeHead(status, location === undefined ? {} : { location })
      response.end(body === undefined ? "v=0" : JSON.stringify(body))
    })
  )
  try {
    for (const server of servers) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    }
    await use(urls, asked)
  } finally {
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  }
}

describe("SessionApi.exchangeOffer", () => {
  const path = "/v1/sessions/s1/offer"
  const moved = (url = "") => ({ status: 409, body: { code: "wrong_cell", details: { url } } })
  const exchange = (baseUrl: string, more: { readonly otherUrl?: string; readonly otherFirst?: boolean } = {}) =>
    exchangeOffer({ baseUrl, id: "s1", token: "t", ...more }, "v=0 offer", new AbortController().signal)
      .then((answer) => answer, ({ code }: { code?: unknown }) => code)

  it("goes with its token to where a server says that the session is", () =>
    offered(2, (at, urls) => at === 0 ? moved(`${urls[1]}${path}`) : { status: 201 }, async (urls, asked) => {
      assert.strictEqual(await exchange(urls[0] ?? ""), "v=0")
      assert.deepStrictEqual(asked.map((each) => each.map(({ headers }) => headers.authorization)), [
        ["Bearer t"],
        ["Bearer t"]
      ])
      assert.include(asked[0]?.[0]?.headers.accept, "application/problem+json")
    }))

  it("does not go round for ever", () =>
    offered(2, (at, urls) => moved(`${urls[1 - at]}${path}`), async (urls, asked) => {
      assert.strictEqual(await exchange(urls[0] ?? ""), "wrong_cell")
      assert.deepStrictEqual(asked.map(({ length }) => length), [2, 2])
    }))

  it("follows no redirect, and to no other session, route or protocol", async () => {
    for (const to of ["/v1/sessions/s2/offer", "/v1/sessions/s1/audio", "/", "/v1/sessions/s1/offer/"]) {
      await offered(2, (_, urls) => moved(`${urls[1]}${to}`), async (urls, asked) => {
        assert.strictEqual(await exchange(urls[0] ?? ""), "wrong_cell")
        assert.deepStrictEqual(asked.map(({ length }) => length), [1, 0], to)
      })
    }
    await offered(1, () => moved("file:///v1/sessions/s1/offer"), async ([url = ""], asked) => {
      assert.strictEqual(await exchange(url), "wrong_cell")
      assert.strictEqual(asked[0]?.length, 1)
    })
    await offered(2, (_, urls) => ({ status: 307, location: `${urls[1]}${path}` }), async (urls, asked) => {
      assert.strictEqual(await exchange(urls[0] ?? ""), "connection_failed")
      assert.deepStrictEqual(asked.map(({ length }) => length), [1, 0])
    })
  })

  it("tries the other address, and takes only the general one's refusal for the last word", () =>
    offered(
      2,
      (at) => at === 0 ? { status: 201 } : { status: 404, body: {} },
      async ([there = "", refuses = ""], asked) => {
        assert.strictEqual(await exchange(there, { otherUrl: refuses, otherFirst: true }), "v=0")
        assert.deepStrictEqual(asked.map(({ length }) => length), [1, 1])
        assert.strictEqual(await exchange("http://127.0.0.1:1", { otherUrl: there }), "v=0")
        assert.strictEqual(await exchange("http://127.0.0.1:1", { otherUrl: refuses }), "connection_failed")
        assert.strictEqual(await exchange(refuses, { otherUrl: there }), "session_not_found")
        assert.deepStrictEqual(asked.map(({ length }) => length), [2, 3])
      }
    ))
})
