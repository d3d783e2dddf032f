/** Tools of MCP servers: the real server of `effect/ai` over HTTP and as a program, and servers that misbehave. */
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schema, Stream } from "effect"
import { McpProtocol, McpServer, Tool, Toolkit } from "effect/ai"
import { HttpRouter, HttpServer } from "effect/http"
import { spawn } from "node:child_process"
import { createServer } from "node:http"
import { join } from "node:path"
import { CallContext } from "../../../src/agent/CallContext.ts"
import * as Mcp from "../../../src/tools/mcp/index.ts"
import * as FakeMcp from "../../support/FakeMcp.ts"
import { call, connect, healthOf, names, program, until, withLog, words } from "../../support/McpClientUnderTest.ts"
import { Recording } from "../../telemetry/RecordingTracer.ts"

const Greet = Tool.make("greet", {
  description: "Greets somebody",
  parameters: Schema.Struct({ name: Schema.String }),
  success: Schema.String,
  failure: Schema.Struct({ message: Schema.String })
})
const toolkit = Toolkit.make(Greet)

const realServer = <const P extends McpProtocol.ProtocolAdapter>(protocol: P) =>
  Effect.gen(function*() {
    const routes = McpServer.layerHttp({
      name: "real",
      version: "1.0.0",
      path: "/mcp",
      protocols: [protocol],
      registrations: McpServer.toolkit(toolkit).pipe(
        Layer.provide(toolkit.toLayer({
          greet: ({ name }) =>
            name === "nobody" ? Effect.fail({ message: "Nobody is here." }) : Effect.succeed(`Hello ${name}!`)
        }))
      )
    } as never)
    const served = HttpRouter.serve(routes as unknown as Layer.Layer<never, never, HttpRouter.HttpRouter>).pipe(
      Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
    )
    const context = yield* Layer.build(served)
    return yield* HttpServer.addressFormattedWith((address) => Effect.succeed(`${address}/mcp`)).pipe(
      Effect.provideContext(context)
    )
  })

describe("Mcp", () => {
  for (
    const protocol of [
      McpProtocol.v2025_11_25,
      McpProtocol.v2026_07_28,
      McpProtocol.v2025_06_18,
      McpProtocol.v2025_03_26
    ]
  ) {
    it.live(`calls the tools of a real server over HTTP, revision ${protocol.protocolVersion}`, () =>
      Effect.gen(function*() {
        const source = yield* connect({ url: yield* realServer(protocol) })
        assert.deepStrictEqual(names(source), ["greet"], yield* healthOf(source))
        assert.strictEqual(source.tools()[0]?.description, "Greets somebody")
        assert.deepStrictEqual(source.tools()[0]?.parameters["required"], ["name"])
        assert.include(yield* call(source, "greet", { name: "Ada" }), "Hello Ada!")
        assert.include(yield* words(source, "greet", { name: "nobody" }), "Nobody is here.")
        assert.notStrictEqual(yield* words(source, "greet", { name: 3 }), "")
        assert.strictEqual(yield* healthOf(source), "healthy")
      }).pipe(Effect.scoped))
  }

  it.live(
    "starts a program, gives it none of this process's variables, and starts it again when it ends",
    () =>
      withLog((lines) =>
        Effect.gen(function*() {
          process.env["MCP_TEST_SECRET"] = "of the application"
          const source = yield* connect({
            ...program(join("test", "support", "McpProgram.ts")),
            env: { OWN_KEY: "0123456789abc" }
          })
          delete process.env["MCP_TEST_SECRET"]
          assert.deepStrictEqual(names(source), ["add", "variables", "die"])
          assert.strictEqual(yield* call(source, "add", { a: 2, b: 3 }), "5")
          const variables = (yield* call(source, "variables")).split(" ")
          assert.include(variables, "OWN_KEY")
          assert.include(variables, "PATH")
          assert.notInclude(variables, "MCP_TEST_SECRET")
          assert.match(yield* words(source, "die"), /the connection to its server was lost/u)
          yield* until(() => names(source).length === 0)
          assert.match(yield* healthOf(source), /MCP server it cannot be used: its program ended/u)
          yield* until(() => names(source).length === 3)
          assert.strictEqual(yield* call(source, "add", { a: 2, b: 3 }), "5")
          assert.lengthOf(lines.filter((line) => line.includes("cannot be used")), 1)
          assert.lengthOf(lines.filter((line) => line.includes("is back, with 3 tools")), 1)
        })
      ).pipe(Effect.scoped),
    60_000
  )

  it.live("ends its program with the scope, even one that listens to nothing", () =>
    Effect.gen(function*() {
      let pid = 0
      const script = `process.on("SIGTERM", () => {}); process.stdin.on("end", () => {}); setInterval(() => {}, 1000)
        require("readline").createInterface(process.stdin).on("line", (line) => {
          const { id, method } = JSON.parse(line)
          const result = method === "initialize"
            ? { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "pid", version: "1" } }
            : { tools: [{ name: String(process.pid), inputSchema: { type: "object" } }] }
          if (id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id, result }))
        })`
      yield* Effect.gen(function*() {
        const source = yield* connect(program("-e", script))
        pid = Number(names(source)[0])
        assert.isAbove(pid, 0)
      }).pipe(Effect.scoped)
      assert.throws(() => process.kill(pid, 0), /ESRCH/u)
    }))

  it.live("leaves no program behind when this process is killed", () =>
    Effect.gen(function*() {
      const script = `
        import { Effect } from "effect"
        import { Schema } from "effect"
        import { McpServerOptions } from "./src/agent/tools/McpServerOptions.ts"
        import * as Mcp from "./src/tools/mcp/index.ts"
        const server = { name: "it", command: process.execPath, args: ["-e", process.env.SERVER] }
        Effect.runPromise(Effect.scoped(Effect.gen(function*() {
          const [source] = yield* Mcp.connect([Schema.decodeSync(McpServerOptions)(server)])
          console.log(source.tools()[0].name)
          yield* Effect.never
        })))`
      // it says its process id, and ends with its input, as the protocol wants
      const server = `
        require("readline").createInterface(process.stdin).on("close", () => process.exit()).on("line", (line) => {
          const { id, method } = JSON.parse(line)
          const result = method === "initialize"
            ? { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "pid", version: "1" } }
            : { tools: [{ name: String(process.pid), inputSchema: { type: "object" } }] }
          if (id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id, result }))
        })
        setInterval(() => {}, 1000)`
      const ours = spawn(process.execPath, [
        "--conditions=@effect-voice/source",
        "--disable-warning=ExperimentalWarning",
        "--input-type=module",
        "-e",
        script
      ], { env: { ...process.env, SERVER: server }, stdio: ["ignore", "pipe", "inherit"] })
      let told = ""
      ours.stdout.on("data", (data) => {
        told += String(data)
      })
      yield* until(() => /^\d+\n/u.test(told))
      const pid = Number(told)
      process.kill(pid, 0)
      ours.kill("SIGKILL")
      yield* until(() => {
        try {
          process.kill(pid, 0)
          return false
        } catch {
          return true
        }
      })
    }).pipe(Effect.scoped), 60_000)

  it.live("says in the log why a program ended at once", () =>
    withLog((lines) =>
      Effect.gen(function*() {
        const source = yield* connect(program("-e", `console.error("no such database"); process.exit(1)`))
        assert.deepStrictEqual(names(source), [])
        assert.match(lines.join("\n"), /MCP server it cannot be used: its program ended: no such database/u)
        const missing = yield* connect({ command: "no-such-program-here" })
        assert.match(yield* healthOf(missing), /Cannot spawn MCP server/u)
      })
    ).pipe(Effect.scoped))

  it.live(
    "goes on without a server that is away, and has its tools when it comes back",
    () =>
      withLog((lines) =>
        Effect.gen(function*() {
          const fake = yield* FakeMcp.make([FakeMcp.echo])
          yield* Effect.promise(fake.away)
          const source = yield* connect({ url: fake.url, headers: { authorization: "Bearer secret-of-ours" } })
          assert.deepStrictEqual(names(source), [])
          assert.match(yield* healthOf(source), /MCP server it cannot be used/u)
          yield* Effect.promise(fake.back)
          yield* until(() => names(source).length === 1)
          assert.strictEqual(yield* call(source, "echo", { text: "a" }), "echo: {\"text\":\"a\"}")
          yield* Effect.promise(fake.away)
          assert.match(yield* words(source, "echo", { text: "a" }), /connection to its server was lost/u)
          yield* until(() => names(source).length === 0)
          yield* Effect.promise(fake.back)
          yield* until(() => names(source).length === 1)
          assert.lengthOf(lines.filter((line) => line.includes("cannot be used")), 2)
          assert.notInclude(lines.join("\n"), "secret-of-ours")
          assert.notInclude(lines.join("\n"), fake.url)
        })
      ).pipe(Effect.scoped),
    60_000
  )

  it.live("lists again when the server says that its list has changed", () =>
    Effect.gen(function*() {
      const fake = yield* FakeMcp.make([FakeMcp.echo])
      const source = yield* connect({ url: fake.url })
      const before = source.tools()
      yield* until(() => fake.listeners() === 1)
      fake.notify("notifications/tools/list_changed")
      yield* until(() => fake.requests.filter(({ method }) => method === "tools/list").length === 2)
      assert.strictEqual(source.tools(), before)
      fake.tools = [FakeMcp.echo, { ...FakeMcp.echo, name: "again" }]
      fake.notify("notifications/tools/list_changed")
      yield* until(() => names(source).length === 2)
      assert.deepStrictEqual(names(source), ["echo", "again"])
    }).pipe(Effect.scoped))

  it.live("calls servers of earlier revisions, under the revision that they named", () =>
    Effect.gen(function*() {
      for (const version of ["2024-11-05", "2025-03-26", "2025-06-18"]) {
        const fake = yield* FakeMcp.make([FakeMcp.echo], { version, listens: false, stream: true })
        const source = yield* connect({ url: fake.url })
        assert.strictEqual(yield* call(source, "echo", { text: "a" }), "echo: {\"text\":\"a\"}")
        const { headers } = fake.requests.at(-1)!
        assert.strictEqual(headers["mcp-protocol-version"], version)
        assert.strictEqual(headers["mcp-session-id"], "session-1")
      }
    }).pipe(Effect.scoped))

  it.live("tells a server nothing of the call, unless the config says so", () =>
    Effect.gen(function*() {
      const context: CallContext = {
        sessionId: "s-1",
        userId: "u-1",
        tenant: "t-1",
        metadata: { card: "4111" },
        turn: 4,
        history: [],
        provider: "local",
        transport: "websocket",
        facts: {}
      }
      const metaOf = (call_context: boolean) =>
        Effect.gen(function*() {
          const fake = yield* FakeMcp.make([FakeMcp.echo])
          const source = yield* connect({ url: fake.url, call_context })
          yield* call(source, "echo", { text: "a" }).pipe(Effect.provideService(CallContext, context))
          const { params, headers } = fake.requests.at(-1)!
          return { meta: params["_meta"], all: JSON.stringify([params, headers]) }
        })
      const off = yield* metaOf(false)
      assert.strictEqual(off.meta, undefined)
      for (const word of ["s-1", "u-1", "t-1", "4111"]) assert.notInclude(off.all, word)
      assert.deepStrictEqual((yield* metaOf(true)).meta, {
        "effect-voice/session_id": "s-1",
        "effect-voice/user_id": "u-1",
        "effect-voice/tenant": "t-1",
        "effect-voice/turn": 4
      })
    }).pipe(Effect.scoped))

  it.live("makes no span of its own, whose attributes would have the URL and the headers", () =>
    Effect.gen(function*() {
      const recording = new Recording()
      const fake = yield* FakeMcp.make([FakeMcp.echo])
      yield* Effect.gen(function*() {
        const source = yield* connect({
          url: `${fake.url}?key=key-of-ours-123`,
          headers: { "x-key": "key-of-ours-456" }
        })
        assert.strictEqual(yield* call(source, "echo", { text: "a" }), "echo: {\"text\":\"a\"}")
        yield* until(() => fake.listeners() === 1)
      }).pipe(Effect.withSpan("the call"), recording.provide)
      assert.deepStrictEqual(recording.spans.map(({ name }) => name), ["the call"])
      for (const { headers } of fake.requests) assert.notProperty(headers, "traceparent")
    }).pipe(Effect.scoped))

  it.live("takes the tools that are allowed, and says which do not exist", () =>
    withLog((lines) =>
      Effect.gen(function*() {
        const fake = yield* FakeMcp.make([FakeMcp.echo, { ...FakeMcp.echo, name: "delete_all" }])
        const source = yield* connect({ url: fake.url, tools: ["echo", "ecko"] })
        assert.deepStrictEqual(names(source), ["echo"])
        assert.match(lines.join("\n"), /MCP server it: it has no tool ecko/u)
      })
    ).pipe(Effect.scoped))

  describe("of a server that misbehaves", () => {
    it.live("leaves malformed tools out, bounds their number, and keeps the rest", () =>
      withLog((lines) =>
        Effect.gen(function*() {
          const fake = yield* FakeMcp.make([
            FakeMcp.echo,
            FakeMcp.echo,
            { name: "" },
            { name: "no schema" },
            { name: "a list", inputSchema: [] },
            { name: "a text", inputSchema: { type: "string" } },
            { name: "huge", inputSchema: { type: "object", description: "x".repeat(20_000) } },
            { name: "x".repeat(1_000), inputSchema: { type: "object" } },
            { name: "odd ✂ name/with:all", description: "d".repeat(5_000), inputSchema: {} },
            3 as never
          ])
          const source = yield* connect({ url: fake.url })
          assert.deepStrictEqual(names(source), ["echo", "odd ✂ name/with:all"])
          assert.isAtMost(source.tools()[1]!.description.length, 1_025)
          const many = yield* FakeMcp.make(
            Array.from({ length: 10_000 }, (_, i) => ({ ...FakeMcp.echo, name: `t${i}` }))
          )
          assert.lengthOf((yield* connect({ url: many.url })).tools(), 128)
          assert.match(lines.join("\n"), /it has 10000 tools, of which the first 128 are used/u)
        })
      ).pipe(Effect.scoped))

    it.live(
      "bounds what it takes: no answer, endless answers, errors, results of other kinds",
      () =>
        Effect.gen(function*() {
          const endless = "x".repeat(1_048_576)
          const fake = yield* FakeMcp.make(
            ["never", "endless", "broken", "error", "failed", "kinds", "long", "dies"].map((name) => ({
              ...FakeMcp.echo,
              name
            })),
            {
              on: ({ method, params }) => {
                if (method !== "tools/call") return undefined
                switch (params["name"]) {
                  case "never":
                    return { raw: () => {} }
                  case "endless":
                    return {
                      raw: (response) => {
                        response.writeHead(200, { "content-type": "application/json" })
                        const more = () => {
                          while (!response.destroyed && response.write(endless));
                        }
                        response.on("drain", more)
                        more()
                      }
                    }
                  case "broken":
                    return {
                      raw: (response) => response.writeHead(200, { "content-type": "application/json" }).end("{\"a")
                    }
                  case "error":
                    return { error: { code: -32602, message: "text is required; you sent key-of-ours-123" } }
                  case "failed":
                    return { result: { isError: true, content: [{ type: "text", text: "sold   out" }] } }
                  case "long":
                    return { result: { content: [{ type: "text", text: "y".repeat(200_000) }] } }
                  case "dies":
                    return { raw: (response) => response.destroy() }
                  default:
                    return {
                      result: {
                        content: [
                          { type: "text", text: "the key is key-of-ours-123" },
                          { type: "image", data: "a".repeat(4_000), mimeType: "image/png" },
                          { type: "hologram" },
                          { type: "resource_link", uri: "file:///a.txt", name: "a" }
                        ]
                      }
                    }
                }
              }
            }
          )
          const source = yield* connect({
            url: fake.url,
            timeout: "2s",
            headers: { authorization: "Bearer key-of-ours-123" }
          })
          assert.strictEqual(fake.requests[0]?.headers.authorization, "Bearer key-of-ours-123")
          assert.match(yield* words(source, "never"), /did not answer within 2s/u)
          assert.strictEqual(yield* words(source, "broken"), "its server sent a malformed message")
          assert.strictEqual(yield* words(source, "error"), "text is required; you sent <redacted>")
          assert.strictEqual(yield* words(source, "failed"), "sold out")
          assert.isAtMost((yield* call(source, "long")).length, 32_769)
          assert.strictEqual(
            yield* call(source, "kinds"),
            "the key is <redacted>\n[image (image/png), 3,000 bytes]\n[hologram]\na: file:///a.txt"
          )
          assert.match(yield* words(source, "dies"), /connection to its server was lost/u)
          yield* until(() => names(source).includes("endless"))
          assert.strictEqual(yield* words(source, "endless"), "its result is too long")
        }).pipe(Effect.scoped),
      30_000
    )

    it.live("does not wait for a server that never answers longer than its timeout, nor follow it elsewhere", () =>
      Effect.gen(function*() {
        const silent = yield* FakeMcp.make([], { on: () => ({ raw: () => {} }) })
        const source = yield* connect({ url: silent.url, timeout: "300ms" })
        assert.match(yield* healthOf(source), /its connect timed out/u)
        const other = yield* FakeMcp.make([FakeMcp.echo])
        const moved = yield* FakeMcp.make([], {
          on: () => ({ raw: (response) => response.writeHead(307, { location: other.url }).end() })
        })
        const away = yield* connect({ url: moved.url, headers: { "x-key": "key-of-ours-123" } })
        assert.match(yield* healthOf(away), /status 307: redirects are not followed/u)
        assert.lengthOf(other.requests, 0)
      }).pipe(Effect.scoped))

    it.live(
      "passes over what a program writes beside its messages, to either output",
      () =>
        withLog((lines) =>
          Effect.gen(function*() {
            const script = `
            const say = (id, result) => console.log(JSON.stringify({ jsonrpc: "2.0", id, result, extra: true }))
            console.log("Starting the server …")
            console.log(JSON.stringify({ level: 30, msg: "listening" }))
            const flood = () => { while (process.stderr.write("e".repeat(65536))); }
            process.stderr.on("drain", flood)
            flood()
            require("readline").createInterface(process.stdin).on("line", (line) => {
              const { id, method, params } = JSON.parse(line)
              console.log("[debug] " + method)
              if (method === "initialize") {
                say(id, { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "x", version: "1" } })
              } else if (method === "tools/list") {
                const tools = ["long", "long_before", "short"].map((name) => ({ name, inputSchema: { type: "object" } }))
                say(id, { tools })
              } else if (method === "tools/call") {
                const text = params.name === "short" ? "short" : "x".repeat(5e6)
                const result = { content: [{ type: "text", text }] }
                console.log(JSON.stringify(params.name === "long_before"
                  ? { result, jsonrpc: "2.0", id }
                  : { jsonrpc: "2.0", id, result }))
              }
            })`
            const source = yield* connect({ ...program("-e", script), timeout: "10s" })
            assert.deepStrictEqual(names(source), ["long", "long_before", "short"], yield* healthOf(source))
            const said = yield* Effect.all([
              words(source, "long"),
              words(source, "long_before"),
              call(source, "short")
            ], { concurrency: "unbounded" })
            assert.deepStrictEqual(said, ["its result is too long", "its result is too long", "short"])
            // the connection is the same
            assert.strictEqual(yield* call(source, "short"), "short")
            assert.lengthOf(lines, 1)
            assert.include(lines[0], "lines to its standard output that are no messages")
          })
        ).pipe(Effect.scoped),
      30_000
    )

    it.live("survives a program that writes a line without end", () =>
      Effect.gen(function*() {
        const flooding = yield* connect({
          ...program(
            "-e",
            `const x = "x".repeat(65536); const more = () => { while (process.stdout.write(x)); }
            process.stdout.on("drain", more); process.stdout.on("error", () => process.exit()); more()`
          ),
          timeout: "10s"
        })
        assert.match(yield* healthOf(flooding), /closed stdout|its program ended/u)
      }).pipe(Effect.scoped), 30_000)
  })

  it.live("gives a toolkit whose tools are those of the moment, each called by a name that a model can write", () =>
    Effect.gen(function*() {
      const one = yield* FakeMcp.make([FakeMcp.echo, { ...FakeMcp.echo, name: "odd ✂ name/with:all" }])
      const two = yield* FakeMcp.make([FakeMcp.echo])
      yield* Effect.gen(function*() {
        const first = yield* Mcp.toolkit
        assert.deepStrictEqual(Object.keys(first.tools), ["one_echo", "odd_name_with_all", "two_echo"])
        assert.strictEqual(yield* Mcp.toolkit, first)
        const said = yield* Effect.flatMap(first.handle("two_echo", { text: "b" }, "call_1"), Stream.runCollect)
        assert.deepStrictEqual(said.map(({ encodedResult }) => encodedResult), ["echo: {\"text\":\"b\"}"])
        assert.lengthOf(two.requests.filter(({ method }) => method === "tools/call"), 1)
        // one client for all of them, whose tools were listed before the first call
        for (const each of [one, two]) {
          assert.deepStrictEqual(each.requests.slice(0, 3).map(({ method }) => method), [
            "initialize",
            "notifications/initialized",
            "tools/list"
          ])
          assert.lengthOf(each.requests.filter(({ method }) => method === "initialize"), 1)
        }
        yield* Effect.promise(two.away)
        yield* Effect.flip(Effect.flatMap(first.handle("two_echo", { text: "b" }), Stream.runDrain))
        // it keeps its name while the other server is away
        const keys = Effect.map(Mcp.toolkit, ({ tools }) => Object.keys(tools).join())
        while ((yield* keys) !== "one_echo,odd_name_with_all") yield* Effect.sleep("10 millis")
      }).pipe(
        Effect.provide(Mcp.layer([
          { name: "one", url: one.url, headers: { "x-key": Redacted.make("key-of-ours-123") } },
          { name: "two", url: two.url }
        ]))
      )
      assert.strictEqual(one.requests[0]?.headers["x-key"], "key-of-ours-123")
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Mcp.layer([{ name: "no url" }, { name: "b" }]))))
      assert.deepStrictEqual(error.details?.["faults"], [
        { path: "mcp.0.name", message: "expected 1 to 32 letters, digits, _ and -, a letter first" },
        { path: "mcp.1.url", message: "one of url and command is required" }
      ])
    }).pipe(Effect.scoped))
})
