/**
 * What the user's client tells the agent of its session, and the calls of tools that the client runs.
 *
 * The calls belong to the client that is connected: one that comes later does not know them.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { AgentClient } from "../agent/Agent.ts"
import { ToolError } from "../agent/ToolError.ts"
import * as ClientTools from "../agent/tools/ClientTools.ts"
import { InvalidConfig } from "../BackendError.ts"
import type { UserConnection } from "./UserConnection.ts"

const op = "VoiceSession.control"

/** Calls that wait for their output at the same time: what an agent starts at most. */
const MAX_WAITING = 32
/** The longest output that is taken, in UTF-16 code units; a model is given less. */
const MAX_OUTPUT = 262_144

const gone = () => new ToolError({ message: "the client that runs this tool is not connected" })

/**
 * @category models
 * @since 0.1.0
 */
export class SessionClient {
  readonly #connection: () => UserConnection | undefined
  readonly #changed: (client: AgentClient) => void
  readonly #waiting = new Map<string, Deferred.Deferred<string, ToolError>>()
  #current: AgentClient | undefined

  /**
   * - `connection`: the present one.
   * - `changed`: what the client tells the agent is another now.
   */
  constructor(
    connection: () => UserConnection | undefined,
    changed: (client: AgentClient) => void = () => undefined
  ) {
    this.#connection = connection
    this.#changed = changed
  }

  /** What the agent is told now. */
  get current(): AgentClient | undefined {
    return this.#current
  }

  /** Replaces what the client tells the agent; returns why it is refused. */
  set(settings: ClientTools.ClientSettings): InvalidConfig | undefined {
    const refusal = ClientTools.refusalOf(op, settings)
    if (refusal !== undefined) return refusal
    const { instructions, toolChoice = "auto", tools = [] } = settings
    this.#current = { instructions, toolChoice, toolkit: ClientTools.toolkit(tools, this.#call) }
    this.#changed(this.#current)
    return undefined
  }

  /** Takes the output of a call; returns why it is refused. */
  result(id: string, output: string): InvalidConfig | undefined {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) {
      return new InvalidConfig({ op, message: "no call of a tool with this id waits for its output" })
    }
    if (output.length > MAX_OUTPUT) {
      return new InvalidConfig({ op, message: `output: expected at most ${MAX_OUTPUT} characters` })
    }
    this.#waiting.delete(id)
    Deferred.doneUnsafe(waiting, Effect.succeed(output))
    return undefined
  }

  /** The client is gone: its calls fail. */
  detached(): void {
    for (const waiting of this.#waiting.values()) Deferred.doneUnsafe(waiting, Effect.fail(gone()))
    this.#waiting.clear()
  }

  readonly #call: ClientTools.CallClient = (call) =>
    Effect.suspend(() => {
      const connection = this.#connection()
      if (connection?.callTool === undefined) return Effect.fail(gone())
      if (this.#waiting.size >= MAX_WAITING || this.#waiting.has(call.id)) {
        return Effect.fail(new ToolError({ message: "too many tools are running: try again later" }))
      }
      const waiting = Deferred.makeUnsafe<string, ToolError>()
      this.#waiting.set(call.id, waiting)
      connection.callTool(call)
      return Effect.ensuring(
        Deferred.await(waiting),
        Effect.sync(() => {
          if (this.#waiting.get(call.id) === waiting) this.#waiting.delete(call.id)
        })
      )
    })
}
