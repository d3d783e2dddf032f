/**
 * Tools with which an agent controls the telephone call that it answers.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { BackendError } from "../../BackendError.ts"
import type { JsonRecord } from "../../schema/Json.ts"
import type { AgentCall, CallTarget } from "../AgentCall.ts"
import * as Background from "../Background.ts"
import { CurrentSession } from "../CurrentSession.ts"
import { ToolError } from "../ToolError.ts"
import { CallToolOptions } from "./CallToolOptions.ts"
import type { RemoteTool, ToolSource } from "./RemoteTool.ts"
import * as RemoteToolkit from "./RemoteToolkit.ts"

type Name = CallToolOptions["use"][number]
type Target = CallToolOptions["targets"][string]

const MAX_HOLD_SECONDS = 300
const TIMEOUT = Duration.seconds(10)

/** What is wrong with a command is told to the model; what failed at the carrier goes to the log, which has no digits. */
const told = (name: Name) => (error: BackendError): Effect.Effect<never, ToolError> =>
  error.code === "invalid_config"
    ? Effect.fail(new ToolError({ message: error.message }))
    : Effect.andThen(
      Effect.annotateLogs(Effect.logWarning(`tool ${name} failed: ${error.code}`), { tool: name }),
      Effect.fail(new ToolError({ message: "it could not be done" }))
    )

const withCall = (
  name: Name,
  use: (call: AgentCall) => Effect.Effect<string, BackendError | ToolError>
): Effect.Effect<string, ToolError> =>
  Effect.flatMap(CurrentSession, (session) =>
    session?.call === undefined
      ? Effect.fail(new ToolError({ message: "there is no telephone call" }))
      : use(session.call).pipe(
        Effect.catch((error) => error instanceof ToolError ? Effect.fail(error) : told(name)(error))
      ))

const targetOf = ({ agent, queue, to }: Target): CallTarget =>
  to ?? (agent === undefined ? { queue: queue ?? "" } : { agent })

const object = (properties: JsonRecord, required: ReadonlyArray<string>): JsonRecord => ({
  type: "object",
  properties,
  required,
  additionalProperties: false
})

const text = (input: JsonRecord, key: string): string => {
  const value = input[key]
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : ""
}

const number = (input: JsonRecord, key: string): number | undefined => {
  const value = input[key]
  return typeof value === "number" && Number.isFinite(value) ? value : undefined
}

const hangUp: RemoteTool = {
  name: "hang_up",
  description:
    "Ends the telephone call. Say goodbye first; the call ends after your last word. Use it when the user wants to " +
    "end the call or everything is done.",
  parameters: object({}, []),
  call: () => withCall("hang_up", (call) => Effect.as(call.hangUp, "the call ends after your last word"))
}

const sendDigits: RemoteTool = {
  name: "send_digits",
  description: "Presses keys of the telephone, as in the menu of another telephone system.",
  parameters: object({
    digits: {
      type: "string",
      description: "The keys: 0 to 9, * and #; w waits for half a second. At most 128.",
      pattern: "^[0-9*#A-Dw]{1,128}$"
    }
  }, ["digits"]),
  call: (input) =>
    withCall("send_digits", (call) => Effect.as(call.sendDtmf(text(input, "digits")), "the keys are being sent"))
}

const collectDigits: RemoteTool = {
  name: "collect_digits",
  description:
    "Lets the user type digits on the telephone's keypad, such as a customer number. Ask for them in your answer; " +
    "what the user presses comes as their next message. The user may also say them.",
  parameters: object({
    min: { type: "integer", minimum: 1, maximum: 64, description: "The fewest digits. Default: 1." },
    max: { type: "integer", minimum: 1, maximum: 64, description: "The most digits, if that is known." },
    seconds: {
      type: "integer",
      minimum: 1,
      maximum: 300,
      description: "How long to wait for the first one. Default: 10."
    }
  }, []),
  call: (input) =>
    withCall("collect_digits", (call) => {
      const seconds = number(input, "seconds")
      return Effect.as(
        call.askDigits({
          min: number(input, "min"),
          max: number(input, "max"),
          firstDigitTimeout: seconds === undefined ? undefined : seconds * 1_000
        }),
        "the user can press the keys now, ended by #; what they press is their next message"
      )
    })
}

const hold: RemoteTool = {
  name: "hold",
  description: "Puts the user on hold for some seconds: neither side hears the other. Tell the user before.",
  parameters: object({
    seconds: { type: "integer", minimum: 1, maximum: MAX_HOLD_SECONDS, description: "For how long." }
  }, ["seconds"]),
  call: (input) =>
    withCall("hold", (call) => {
      const seconds = Math.min(MAX_HOLD_SECONDS, Math.max(1, number(input, "seconds") ?? 10))
      // the session ends the hold with itself, should this not come to its end
      const back = Effect.andThen(Effect.sleep(seconds * 1_000), Effect.ignore(call.hold(false)))
      return Background.background(back).pipe(
        Effect.andThen(call.hold(true)),
        Effect.as(`the user was put on hold for ${seconds} s`)
      )
    })
}

const transfer = (targets: CallToolOptions["targets"]): RemoteTool => {
  const names = Object.keys(targets)
  const described = names.map((name) => {
    const { description } = targets[name]!
    return description === "" ? name : `${name} (${description})`
  })
  const isWarm = names.some((name) => targets[name]!.warm)
  return {
    name: "transfer_call",
    description:
      `Transfers the telephone call to: ${described.join("; ")}. Tell the user before. There are no other targets, ` +
      "whatever the user asks for.",
    parameters: object({
      target: { type: "string", enum: names },
      ...(isWarm
        ? {
          summary: {
            type: "string",
            maxLength: 1_000,
            description: "What whoever takes the call must know; they hear it before they are connected."
          }
        }
        : {})
    }, ["target"]),
    call: (input) =>
      withCall("transfer_call", (call) => {
        const name = text(input, "target")
        const target = Object.hasOwn(targets, name) ? targets[name] : undefined
        if (target === undefined) {
          return Effect.fail(new ToolError({ message: `unknown target; there are ${names.join(", ")}` }))
        }
        const summary = text(input, "summary").slice(0, 1_000)
        return Effect.as(
          call.transfer(targetOf(target), target.warm ? { warm: true, summary } : {}),
          "the call is being transferred"
        )
      })
  }
}

/**
 * The tools of a config as a source, for the agent `llm`. Empty where none is to be used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const source = ({ targets, use }: CallToolOptions): ReadonlyArray<ToolSource> => {
  if (use.length === 0) return []
  const known: { readonly [K in Name]: RemoteTool } = {
    hang_up: hangUp,
    transfer_call: transfer(targets),
    send_digits: sendDigits,
    collect_digits: collectDigits,
    hold
  }
  const tools = Array.from(new Set(use), (name) => known[name])
  return [{ name: "call", tools: () => tools, timeout: TIMEOUT }]
}

const decode = Schema.decodeUnknownSync(CallToolOptions)

/**
 * A toolkit of `effect/ai` with which an agent controls the telephone call that it answers: `hang_up`, `transfer_call`,
 * `send_digits`, `collect_digits` and `hold`, as far as `use` names them. A call is transferred to the `targets` alone, by their
 * names. Outside of a telephone call the tools fail, in words for the model. Throws for options that make no sense.
 *
 * **Example** (An agent that hangs up and transfers)
 *
 * ```ts
 * import { Agent } from "effect-voice"
 *
 * export const reception = Agent.fromLanguageModel({
 *   instructions: "You are the reception of a dentist.",
 *   toolkit: Agent.callTools({
 *     use: ["hang_up", "transfer_call"],
 *     targets: { doctor: { to: "+4930123456", description: "for emergencies" } }
 *   })
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const callTools = (options: typeof CallToolOptions.Encoded): Effect.Effect<RemoteToolkit.RemoteToolkit> =>
  RemoteToolkit.make(source(decode(options)))
