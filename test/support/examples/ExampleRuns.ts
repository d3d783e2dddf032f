/** How each program of `test/examples` is run, and what it has to do; without a key, and with no network beyond loopback. */
import { assert } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as FakeChat from "../FakeChat.ts"
import * as FakeMcp from "../FakeMcp.ts"
import * as FakeModelApi from "../FakeModelApi.ts"
import * as ExampleProject from "./ExampleProject.ts"

export interface ExampleRun {
  readonly title: string
  readonly files: ReadonlyArray<string>
  readonly run: (project: ExampleProject.ExampleProject) => Effect.Effect<void, unknown, Scope.Scope>
}

const PASSED = /conformance: \d+ passed, 0 failed/u

const printing = (title: string, file: string, expected?: RegExp): ExampleRun => ({
  title,
  files: [file],
  run: (project) =>
    Effect.map(ExampleProject.run(project, file), ({ stdout }) => {
      if (expected !== undefined) assert.match(stdout, expected)
    })
})

const assistant: ExampleRun["run"] = (project) =>
  Effect.gen(function*() {
    const calling = (id: string, name: string, input: object): FakeChat.ChatAnswer => ({
      pieces: [{ call: { index: 0, id, name, input: JSON.stringify(input) } }]
    })
    const model = yield* FakeChat.make([
      calling("call_1", "free_slots", { day: "Monday" }),
      calling("call_2", "book", { day: "Monday", time: "half past ten" }),
      FakeChat.text("I booked half past ten for you.")
    ])
    const server = yield* ExampleProject.serve(project, "Assistant.ts", { env: { MODEL_URL: model.url } })
    const { stdout } = yield* ExampleProject.talk(project, server)
    assert.include(stdout, "I booked half past ten for you.")
    const prompt = JSON.stringify(model.requests.at(-1)?.body.messages)
    for (const words of ["You speak to talk.", "three o'clock", "Monday at half past ten is booked for talk"]) {
      assert.include(prompt, words)
    }
  })

const claude: ExampleRun["run"] = (project) =>
  Effect.gen(function*() {
    const { url } = yield* FakeModelApi.anthropic([{
      events: FakeModelApi.message([{ text: ["She wrote the ", "first program."] }], "end_turn")
    }])
    const env = { ANTHROPIC_API_KEY: "sk-ant-fake-key", ANTHROPIC_URL: url }
    const { stdout } = yield* ExampleProject.run(project, "Claude.ts", { env })
    assert.match(stdout, /the agent said: She wrote the first program\./u)
  })

const gemini: ExampleRun["run"] = (project) =>
  Effect.gen(function*() {
    const { url } = yield* FakeModelApi.google([{ events: FakeModelApi.candidates([[{ text: "A mathematician." }]]) }])
    const env = { GEMINI_API_KEY: "AIza-fake-key", GEMINI_URL: `${url}/v1beta` }
    const { stdout } = yield* ExampleProject.run(project, "Gemini.ts", { env })
    assert.match(stdout, /the model said: A mathematician\./u)
  })

const mcpTools: ExampleRun["run"] = (project) =>
  Effect.gen(function*() {
    const orders = yield* FakeMcp.make([{ ...FakeMcp.echo, name: "find_order" }], {
      on: ({ method }) =>
        method === "tools/call"
          ? { result: { content: [{ type: "text", text: "It arrives on Monday." }] } }
          : undefined
    })
    const model = yield* FakeChat.make([
      { pieces: [{ call: { index: 0, id: "call_1", name: "find_order", input: "{\"text\":\"mine\"}" } }] },
      FakeChat.text("It arrives on Monday.")
    ])
    const { stdout } = yield* ExampleProject.run(project, "McpTools.ts", {
      env: { MODEL_URL: model.url, ORDERS_URL: orders.url, ORDERS_TOKEN: "token-of-orders" }
    })
    assert.match(stdout, /the agent said: It arrives on Monday\./u)
    assert.strictEqual(orders.requests.at(-1)?.headers.authorization, "Bearer token-of-orders")
    assert.include(JSON.stringify(model.requests[1]?.body.messages), "It arrives on Monday.")
  })

const application: ExampleRun["run"] = (project) =>
  Effect.gen(function*() {
    const { stderr, stdout } = yield* ExampleProject.cli(project, [
      "talk",
      "--app",
      project.programOf("Voice.ts"),
      "--input",
      join("test", "fixtures", "ill-disposed.wav")
    ])
    // on a busy machine the recording may be heard in two turns
    assert.match(stdout, /^agent {2}Yours is room twelve\. You said: \w/mu, stdout)
    assert.match(stderr, /agent: concierge/u)
    const checked = yield* ExampleProject.run(project, "Voice.ts", { args: ["check"] })
    assert.match(checked.stdout, /^OK[^]*agent: concierge/u)
  })

const whoGetsIn: ExampleRun["run"] = (project) =>
  Effect.gen(function*() {
    const { url } = yield* ExampleProject.serve(project, "WhoGetsIn.ts")
    const ask = (method: string, path: string, token: string, body?: object) =>
      Effect.promise(() =>
        fetch(`${url}${path}`, {
          method,
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          ...(body === undefined ? {} : { body: JSON.stringify(body) })
        })
      )
    const session = { user_id: "ada", transport: "websocket" }
    assert.strictEqual((yield* ask("POST", "/v1/sessions", "guessed", session)).status, 401)
    const created = yield* ask("POST", "/v1/sessions", "ada-has-this-token", session)
    assert.strictEqual(created.status, 201)
    const path = created.headers.get("location") ?? ""
    assert.strictEqual((yield* ask("PATCH", `${path}/metadata`, "ada-has-this-token", {})).status, 403)
    assert.strictEqual((yield* ask("DELETE", path, "ada-has-this-token")).status, 204)
  })

const textOf = (url: string) => Effect.promise(() => fetch(url).then((response) => response.text()))

const mounted = (file: string): ExampleRun => ({
  title: `answers calls on the port of the application of ${file}, until it is stopped`,
  files: [file],
  run: (project) =>
    Effect.gen(function*() {
      const { stop, url } = yield* ExampleProject.serve(project, file, { path: "/" })
      assert.strictEqual(yield* textOf(url), "my application")
      if (file === "Mount.ts") assert.include(yield* textOf(`${url}/hours`), "from noon to ten")
      assert.strictEqual((yield* Effect.promise(() => fetch(`${url}/voice/v1/providers`))).status, 200)
      const created = yield* ExampleProject.createSession(`${url}/voice/v1/sessions`)
      assert.strictEqual(created.status, 201)
      assert.match(yield* Effect.promise(() => created.text()), /"ws:[^"]+\/voice\/v1\/sessions\//u)
      assert.strictEqual(yield* stop, file === "Mount.ts" ? 130 : 0)
    })
})

/** A server of LiveKit's API that dispatches whatever it is asked for. */
const dispatcher = Effect.acquireRelease(
  Effect.callback<{ readonly asked: ReadonlyArray<unknown>; readonly url: string; readonly close: () => void }>(
    (resume) => {
      const asked: Array<unknown> = []
      const server = createServer((request, response) => {
        let body = ""
        request.on("data", (data: Buffer) => {
          body += data.toString()
        }).on("end", () => {
          asked.push({ path: request.url, body: JSON.parse(body) })
          response.setHeader("content-type", "application/json").end("{\"id\":\"AD_1\"}")
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({ asked, url: `http://127.0.0.1:${port}`, close: () => server.close() }))
      })
    }
  ),
  ({ close }) => Effect.sync(close)
)

const dispatch: ExampleRun["run"] = (project) =>
  Effect.gen(function*() {
    const { asked, url } = yield* dispatcher
    const { stdout } = yield* ExampleProject.run(project, "Dispatch.ts", {
      env: { LIVEKIT_URL: url, LIVEKIT_API_KEY: "key", LIVEKIT_API_SECRET: "secret" }
    })
    assert.deepStrictEqual(asked, [{
      path: "/twirp/livekit.AgentDispatchService/CreateDispatch",
      body: { agentName: "support", room: "desk-7", metadata: "{\"order\":7}" }
    }])
    const [first, jwt = ""] = stdout.split("\n")
    assert.strictEqual(first, "dispatched AD_1")
    const claims = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString())
    assert.strictEqual(claims.video.room, "desk-8")
    assert.deepInclude(claims.roomConfig.agents[0], { agentName: "support", metadata: "{\"order\":7}" })
  })

const countSessions = async (url: string): Promise<number> => {
  const answer = await fetch(`${url}/v1/sessions`).then((response) => response.json(), () => ({}))
  return typeof answer === "object" && answer !== null && "sessions" in answer && Array.isArray(answer.sessions)
    ? answer.sessions.length
    : -1
}

const untilSeen = async (url: string, sessions: number): Promise<void> => {
  while (await countSessions(url) !== sessions) await new Promise((resume) => setTimeout(resume, 100))
}

const cluster: ExampleRun["run"] = (project) =>
  Effect.gen(function*() {
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-voice-nodes-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    )
    const env = { SESSIONS: join(directory, "sessions.db") }
    const node = ExampleProject.serve(project, "Cluster.ts", { env })
    const nodes = yield* Effect.all([node, node], { concurrency: "unbounded" })
    const all = (sessions: number) =>
      Effect.forEach(nodes, ({ url }) => Effect.promise(() => untilSeen(url, sessions)), { discard: true })
    yield* all(0)
    assert.strictEqual((yield* ExampleProject.createSession(`${nodes[0].url}/v1/sessions`)).status, 201)
    yield* all(1)
  })

/** Programs that are soon done. */
export const short: ReadonlyArray<ExampleRun> = [
  { title: "answers with Gemini", files: ["Gemini.ts"], run: gemini },
  printing("tests an agent in virtual time", "TestYourAgent.ts"),
  printing("tests an agent with tools, its services and a scripted language model", "TestYourTools.ts"),
  printing("tests an agent before a loudspeaker", "Loudspeaker.ts"),
  printing("passes the suite of its kind as the guides show: Store.ts", "Store.ts", PASSED),
  printing("processes the user's audio", "Processor.ts"),
  printing("calls users, whom its list allows, once for a key", "Dial.ts"),
  { title: "asks LiveKit for an agent as the provider's guide shows", files: ["Dispatch.ts"], run: dispatch }
]

/** Programs that load the embedded engines, run the long suites, or serve: a core is busy with each for seconds. */
export const long: ReadonlyArray<ExampleRun> = [
  printing(
    "answers a recording with a backend made from names",
    "Hello.ts",
    /the agent said: You said: He was not an ill-disposed young man\./u
  ),
  ...["Engine.ts", "Recogniser.ts", "Detectors.ts"].map((file) =>
    printing(`passes the suite of its kind as the guides show: ${file}`, file, PASSED)
  ),
  printing(
    "runs the conformance suite on the provider of the guide",
    "Provider.ts",
    /^conformance: \d{3} passed, 0 failed, \d+ verified elsewhere/mu
  ),
  {
    title: "answers with a language model that makes an appointment for the user",
    files: ["Assistant.ts"],
    run: assistant
  },
  { title: "answers with Claude", files: ["Claude.ts"], run: claude },
  { title: "answers with the tools of an MCP server", files: ["McpTools.ts"], run: mcpTools },
  { title: "runs the application of the guide, by --app and as a program", files: ["Voice.ts"], run: application },
  { title: "lets in the users that the guide's hook accepts", files: ["WhoGetsIn.ts"], run: whoGetsIn },
  ...["Mount.ts", "Express.ts", "Fastify.ts"].map(mounted),
  { title: "makes one backend of two processes as the cluster's guide shows", files: ["Cluster.ts"], run: cluster }
]
