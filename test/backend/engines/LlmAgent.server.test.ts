/** A backend whose config alone makes it talk with a language model. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Layer, Schema, Stream } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import { AgentRegistry } from "../../../src/agent/AgentRegistry.ts"
import * as ConfigSource from "../../../src/backend/config/ConfigSource.ts"
import { OpenToolSources } from "../../../src/backend/engines/OpenToolSources.ts"
import { BackendRegistry } from "../../../src/backend/provider/BackendRegistry.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { engines as builtin } from "../../../src/builtin/Engines.ts"
import { openToolSources } from "../../../src/builtin/Tools.ts"
import { ProcessorRegistry } from "../../../src/hooks/AudioProcessor.ts"
import type { Fault } from "../../../src/schema/Faults.ts"
import { EngineRegistry } from "../../../src/speech/EngineRegistry.ts"
import { engines as named } from "../../../src/testing/conformance/NamedParts.ts"
import { provider } from "../../session/Harness.ts"
import { TestConnection } from "../../session/TestConnection.ts"
import * as FakeChat from "../../support/FakeChat.ts"
import * as FakeMcp from "../../support/FakeMcp.ts"

const registries = (agents: { readonly [name: string]: Agent.Agent } = {}) =>
  Layer.mergeAll(
    BackendRegistry.layer([provider()]),
    EngineRegistry.layer({ ...named, llm: { ...named.llm, ...builtin.llm } }),
    AgentRegistry.layer(agents),
    ProcessorRegistry.layer(),
    Layer.succeed(OpenToolSources, openToolSources),
    NodeServices.layer
  )

const read = Effect.fnUntraced(function*(yaml: string) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.makeTempFileScoped({ suffix: ".yaml" })
  yield* fs.writeFileString(
    file,
    `provider: test\nstt_provider: scripted_stt\ntts_provider: scripted_tts\nvad_provider: scripted_vad\n${yaml}`
  )
  return yield* ConfigSource.load({ file, env: {}, section: { name: "server", schema: Schema.Struct({}) } })
})

/** Types a text, and tells what the agent has said when it stops. */
const typed = Effect.fnUntraced(function*(text: string, agent?: string) {
  const backend = yield* VoiceBackend
  const session = yield* backend.createSession({
    userId: "u",
    transport: "websocket",
    ...(agent === undefined ? {} : { agent })
  })
  yield* session.attach(new TestConnection())
  const said = yield* session.events.pipe(
    Stream.filter((event) => event.type === "agent.speech_stopped"),
    Stream.take(1),
    Stream.runCollect,
    Effect.forkChild({ startImmediately: true })
  )
  yield* session.sendText(text)
  const [stopped] = yield* Fiber.join(said)
  yield* backend.closeSession(session.id)
  return stopped?.text
})

describe("A config", () => {
  it.live("names a model and its server, and answers with it", () =>
    Effect.gen(function*() {
      const fake = yield* FakeChat.make([FakeChat.text("Good", " day.")])
      const { config } = yield* read(
        `agent: llm\nengines:\n  openai-compatible:\n    url: ${fake.url}\n    model: fake\n    instructions: Be short.\n`
      )
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* typed("hello"), "Good day.")
        assert.deepStrictEqual(fake.requests[0]?.body.messages, [
          { role: "system", content: "Be short." },
          { role: "user", content: "hello" }
        ])
        assert.strictEqual((yield* VoiceBackend).engines["llm"], "openai-compatible")
      }).pipe(Effect.provide(VoiceBackend.layerConfig(config)))
    }).pipe(Effect.provide(registries())))

  it.live("takes tools from MCP servers, and goes on without one that is away", () =>
    Effect.gen(function*() {
      const chat = yield* FakeChat.make([
        { pieces: [{ call: { index: 0, id: "call_1", name: "echo", input: "{\"text\":\"hi\"}" } }] },
        FakeChat.text("Done."),
        FakeChat.text("Well.")
      ])
      const here = yield* FakeMcp.make([FakeMcp.echo])
      const away = yield* FakeMcp.make([{ ...FakeMcp.echo, name: "other" }])
      yield* Effect.promise(away.away)
      const yaml = [
        "agent: llm",
        "engines: { openai-compatible: { url: \"" + chat.url + "\", model: fake } }",
        "mcp:",
        `  - { name: here, url: "${here.url}", headers: { authorization: "Bearer key-of-ours-123" } }`,
        `  - { name: away, url: "${away.url}", timeout: 1s }`
      ].join("\n")
      const { config } = yield* read(yaml)
      assert.notInclude(JSON.stringify(config), "key-of-ours")
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* typed("say hi"), "Done.")
        assert.deepStrictEqual(chat.requests[0]?.body["tools"], [{
          type: "function",
          function: { name: "echo", description: "Says it again", parameters: FakeMcp.echo.inputSchema }
        }])
        assert.deepStrictEqual(chat.requests[1]?.body.messages.at(-1), {
          role: "tool",
          tool_call_id: "call_1",
          content: "echo: {\"text\":\"hi\"}"
        })
        assert.strictEqual(here.requests.at(-1)?.headers.authorization, "Bearer key-of-ours-123")
        const { parts, status } = yield* (yield* VoiceBackend).healthCheck
        const partOf = (name: string) => parts.find((part) => part.name === name)
        assert.deepStrictEqual([status, partOf("mcp:here")?.status], ["degraded", "healthy"])
        assert.strictEqual(partOf("mcp:away")?.status, "degraded")
        assert.match(partOf("mcp:away")?.cause ?? "", /MCP server away cannot be used/u)
        yield* Effect.promise(here.away)
        assert.strictEqual(yield* typed("and now?"), "Well.")
      }).pipe(Effect.provide(VoiceBackend.layerConfig(config)))
    }).pipe(Effect.provide(registries())))

  it.live("names another model, or an application's own agent called llm", () =>
    Effect.gen(function*() {
      const mine = {
        llm: Agent.fromCallback(() => Effect.succeed("It is me.")),
        other: Agent.fromCallback(Effect.succeed)
      }
      const answer = (yaml: string, agent?: string) =>
        Effect.flatMap(read(yaml), ({ config }) =>
          Effect.provide(typed("hello", agent), VoiceBackend.layerConfig(config))).pipe(
            Effect.provide(registries(mine))
          )
      assert.strictEqual(yield* answer("agent: llm\nllm_provider: scripted_llm\n"), "Very well.")
      assert.strictEqual(yield* answer("agent: llm\n"), "It is me.")
      assert.strictEqual(yield* answer("agent: other\nllm_provider: scripted_llm\n"), "hello")
      assert.strictEqual(yield* answer("agent: other\nllm_provider: scripted_llm\n", "llm"), "Very well.")
    }))

  it.live("reports what is missing", () =>
    Effect.gen(function*() {
      const faults = (yaml: string) =>
        Effect.map(Effect.flip(read(yaml)), (error) => {
          const found = "details" in error ? error.details?.["faults"] : undefined
          return Array.isArray(found) ? found.map(({ path }: Fault) => path) : []
        })
      assert.deepStrictEqual(yield* faults("agent: llm\n"), ["engines.openai-compatible.model"])
      assert.deepStrictEqual(
        yield* faults("agent: llm\nengines: { openai-compatible: { model: a, url: \"ftp://x\", temperature: 9 } }\n"),
        ["engines.openai-compatible.url", "engines.openai-compatible.temperature"]
      )
      const model = "agent: llm\nllm_provider: scripted_llm\n"
      assert.deepStrictEqual(
        yield* faults(`${model}mcp:\n  - { name: a }\n  - { name: c, command: x, headers: { y: z } }\n`),
        ["mcp.0.url", "mcp.1.headers"]
      )
      assert.deepStrictEqual(yield* faults(`${model}mcp:\n  - { name: a b, url: "http://x" }\n`), ["mcp.0.name"])
      assert.deepStrictEqual(
        yield* faults(`${model}mcp:\n  - { name: a, url: "http://x" }\n  - { name: a, command: x }\n`),
        ["mcp.1.name"]
      )
      assert.deepStrictEqual(
        yield* faults(`${model}tools:\n  - { name: a, description: A, url: "http://x/{y}" }\n`),
        ["tools.0.url"]
      )
      assert.deepStrictEqual(yield* faults("mcp: [{ name: a, url: \"http://x\" }]\n"), ["agent", "mcp"])
      assert.deepStrictEqual(yield* faults("agent: llm\nllm_provider: nobody\n"), ["llm_provider"])
      assert.deepStrictEqual(yield* faults("agent: nobody\nllm_provider: scripted_llm\n"), ["agent"])
    }).pipe(Effect.provide(registries())))
})
