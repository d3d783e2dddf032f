/**
 * One server, for as long as the process needs it: connected, its tools listed, and connected again when it is lost.
 *
 * A server that cannot be reached costs its tools and nothing else: it is logged once, its part of the health report is
 * `degraded`, and it is tried again with growing pauses.
 *
 * @since 0.1.0
 */
import * as McpClient from "effect/ai/McpClient"
import type { McpClientError } from "effect/ai/McpClientError"
import type * as McpSchema from "effect/ai/McpSchema"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as HttpClient from "effect/http/HttpClient"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { CallContext } from "../../agent/CallContext.ts"
import { ToolError } from "../../agent/ToolError.ts"
import type { McpServerOptions } from "../../agent/tools/McpServerOptions.ts"
import type { RemoteTool, ToolSource } from "../../agent/tools/RemoteTool.ts"
import { ConnectionFailed } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as RetryPolicy from "../../RetryPolicy.ts"
import type { JsonRecord } from "../../schema/Json.ts"
import { untraced } from "../../wire/UntracedHttp.ts"
import * as McpAnswers from "./McpAnswers.ts"
import * as McpErrors from "./McpErrors.ts"
import type { McpListener } from "./McpListener.ts"
import * as McpResult from "./McpResult.ts"
import * as McpTransport from "./McpTransport.ts"

/** Vendors take no more in one request, and a model that must choose among more chooses badly. */
const MAX_TOOLS = 128
/** How often a list is asked for although the server has not said that it changed; so a server that has gone is noticed. */
const LIST_EVERY = Duration.minutes(1)
/** A server that says so all the time is asked no more often. */
const LIST_PAUSE = Duration.seconds(1)
/** A connection that held as long was a good one: the next pause is a short one again. */
const STABLE_MS = 60_000

/** How long the end of a program may be noticed after the end of its output. */
const NOTICE = Duration.millis(100)

type Services = Scope.Scope | HttpClient.HttpClient | ChildProcessSpawner

const connect = Effect.fnUntraced(
  function*(server: McpServerOptions, listener: McpListener): Effect.fn.Return<
    McpClient.McpClient,
    McpClientError,
    Services
  > {
    const open = (protocol: (typeof McpTransport.protocols)[number], listener: McpListener) =>
      McpTransport.make(server, protocol, listener).pipe(
        Effect.flatMap((transport) =>
          Effect.provideService(
            McpClient.make({ ...McpAnswers.CLIENT, timeout: server.timeout }),
            McpClient.Transport,
            transport
          )
        )
      )
    const [usual, newest] = McpTransport.protocols
    const scope = yield* Scope.fork(yield* Effect.scope)
    let isRefused = false
    return yield* open(usual, {
      ...listener,
      onEnd: (stderr) => isRefused ? undefined : listener.onEnd(stderr)
    }).pipe(
      Effect.provideService(Scope.Scope, scope),
      Effect.catchIf(McpErrors.isAboutRevision, (error) =>
        Effect.suspend(() => {
          isRefused = true
          // a program that was started for a revision that it does not speak ends before it is started for the other
          return Scope.close(scope, Exit.void)
        }).pipe(
          Effect.andThen(Effect.mapError(open(newest, listener), () => error))
        ))
    )
  }
)

/** What a call tells the server of the session: nothing, unless the config says so. */
const metaOf = ({ sessionId, tenant, turn, userId }: CallContext): JsonRecord => ({
  "effect-voice/session_id": sessionId,
  "effect-voice/user_id": userId,
  ...(tenant === undefined ? {} : { "effect-voice/tenant": tenant }),
  "effect-voice/turn": turn
})

interface Connected {
  readonly client: McpClient.McpClient
  readonly relist: () => void
}

/**
 * Starts to connect in the current scope, and waits for the first list, or for the failure of the first attempt.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  server: McpServerOptions
): Effect.fn.Return<ToolSource, never, Services> {
  const { name } = server
  let tools: ReadonlyArray<RemoteTool> = []
  let listed = ""
  let connected: Connected | undefined
  let fault: string | undefined = "it is connecting"
  let told = ""
  const tried = yield* Deferred.make<void>()

  const call = (tool: McpSchema.Tool) => (input: JsonRecord): Effect.Effect<string, ToolError> =>
    Effect.suspend(() => {
      if (connected === undefined) {
        return Effect.fail(new ToolError({ message: `its server ${name} cannot be reached at the moment` }))
      }
      const { client, relist } = connected
      const asked = client.callTool({ tool, arguments: input }, { timeout: server.timeout }).pipe(
        untraced,
        Effect.tapError((error) => Effect.sync(() => McpErrors.isLoss(error) ? relist() : undefined)),
        Effect.mapError((error) => new ToolError({ message: McpErrors.forModel(error, server.timeout) })),
        Effect.flatMap((result) => {
          // the transport has made a text of it
          const text = result.content.map((block) => block.type === "text" ? block.text : "").join("")
          return result.isError === true
            ? Effect.fail(new ToolError({ message: McpResult.words(text) || "it reported an error" }))
            : Effect.succeed(text)
        })
      )
      return server.callContext
        ? Effect.flatMap(CallContext, (call) => Effect.provideService(asked, McpAnswers.CallMeta, metaOf(call)))
        : asked
    })

  /** Tells once of what is wrong with a list. */
  const tellOnce = (message: string) =>
    Effect.suspend(() => {
      if (message === "" || message === told) return Effect.void
      told = message
      return Effect.logWarning(`MCP server ${name}: ${message}`)
    })

  const publish = Effect.fnUntraced(function*(descriptors: ReadonlyArray<McpSchema.Tool>) {
    const { tools: allowed } = server
    const wanted = allowed === undefined ? descriptors : descriptors.filter((tool) => allowed.includes(tool.name))
    const used = [...new Map(wanted.map((tool) => [tool.name, tool])).values()].slice(0, MAX_TOOLS)
    const missing = (allowed ?? []).filter((each) => !used.some((tool) => tool.name === each))
    yield* tellOnce(
      missing.length > 0
        ? `it has no tool ${missing.map(McpResult.words).join(", ")}`
        : allowed === undefined && used.length < wanted.length
        ? `it has ${wanted.length} tools, of which the first ${MAX_TOOLS} are used: name those that are needed (mcp.tools)`
        : ""
    )
    const json = JSON.stringify(used)
    if (json === listed && tools.length > 0) return
    listed = json
    tools = used.map((tool) => ({
      name: tool.name,
      description: tool.description ?? "",
      parameters: tool.inputSchema as JsonRecord,
      call: call(tool)
    }))
  })

  /** One connection, from its beginning to its loss. */
  const use = Effect.fnUntraced(function*(ended: Deferred.Deferred<never, ConnectionFailed>) {
    const changes = yield* Queue.sliding<void>(1)
    const relist = () => void Queue.offerUnsafe(changes, undefined)
    const garbage = yield* Deferred.make<void>()
    yield* Deferred.await(garbage).pipe(
      Effect.andThen(
        tellOnce("its program writes lines to its standard output that are no messages; they are passed over")
      ),
      Effect.forkScoped
    )
    const client = yield* connect(server, {
      onChange: relist,
      onGarbage: () => void Deferred.doneUnsafe(garbage, Effect.void),
      onEnd: (stderr) => {
        const why = McpResult.words(stderr.slice(-400))
        Deferred.doneUnsafe(
          ended,
          Effect.fail(McpErrors.lost(name, `its program ended${why === "" ? "" : `: ${why}`}`))
        )
      }
    }).pipe(Effect.mapError((error) => McpErrors.toError(name, error)))
    const list = client.listTools().pipe(
      Effect.mapError((error) => McpErrors.toError(name, error)),
      Effect.flatMap(publish)
    )
    yield* list
    connected = { client, relist }
    if (fault !== undefined && fault !== "it is connecting") {
      yield* Effect.logInfo(`MCP server ${name} is back, with ${tools.length} tools`)
    }
    fault = undefined
    yield* Deferred.succeed(tried, undefined)
    const again = Queue.take(changes).pipe(
      Effect.timeoutOption(LIST_EVERY),
      Effect.andThen(list),
      Effect.andThen(Effect.sleep(LIST_PAUSE))
    )
    return yield* Effect.raceFirst(Effect.forever(again), Deferred.await(ended))
  })

  const attempt = Effect.flatMap(Deferred.make<never, ConnectionFailed>(), (ended) =>
    Effect.catch(
      use(ended),
      // that its program ended, and what it wrote before, says more than what was noticed first
      (error) => Effect.raceFirst(Deferred.await(ended), Effect.delay(Effect.fail(error), NOTICE))
    )).pipe(
      Effect.scoped,
      untraced,
      Effect.catchDefect((defect) => Effect.fail(McpErrors.lost(name, "its client failed", defect)))
    )

  const lost = (error: ConnectionFailed) =>
    Effect.suspend(() => {
      const isNew = fault === undefined || fault === "it is connecting"
      connected = undefined
      tools = []
      listed = ""
      fault = error.message
      return Effect.andThen(
        isNew ? Effect.logWarning(`${error.message}; the agent goes on without its tools`) : Effect.void,
        Deferred.succeed(tried, undefined)
      )
    })

  const policy: RetryPolicy.RetryPolicy = { delay: Duration.seconds(1) }
  yield* Effect.gen(function*() {
    let pauses = yield* RetryPolicy.start(policy)
    while (true) {
      const startedMs = yield* MonotonicTime.currentMs
      const error = yield* Effect.flip(attempt)
      yield* lost(error)
      if ((yield* MonotonicTime.currentMs) - startedMs > STABLE_MS) pauses = yield* RetryPolicy.start(policy)
      yield* Effect.sleep((yield* pauses(error)) ?? 0)
    }
  }).pipe(Effect.forkScoped)
  yield* Deferred.await(tried)

  return {
    name,
    tools: () => tools,
    timeout: server.timeout,
    health: {
      name: `mcp:${name}`,
      what: `the MCP server ${name}`,
      failed: "degraded",
      isLogged: true,
      probe: Effect.suspend(() =>
        fault === undefined ? Effect.void : Effect.fail(
          new ConnectionFailed({ op: "VoiceBackend.healthCheck", message: fault, details: { part: `mcp:${name}` } })
        )
      )
    }
  }
})
