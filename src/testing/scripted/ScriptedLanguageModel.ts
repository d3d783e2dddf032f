/**
 * A scripted language model for tests of agents with tools, in virtual time.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/**
 * One step of an answer: write a text, think, wait, call a tool, fail.
 *
 * @category models
 * @since 0.1.0
 */
export type Step =
  | string
  | { readonly think: string }
  | { readonly wait: Duration.Input }
  | { readonly call: string; readonly params?: unknown; readonly id?: string }
  | { readonly fail: AiError.AiErrorReason }

/**
 * A request: its prompt, its tools, whether they may be called, and which choice among them the model has.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly prompt: Prompt.Prompt
  readonly tools: ReadonlyArray<string>
  readonly calls: boolean
  readonly toolChoice: LanguageModel.ProviderOptions["toolChoice"]
}

const finish = (calls: boolean): Response.StreamPartEncoded => ({
  type: "finish",
  reason: calls ? "tool-calls" : "stop",
  usage: {
    inputTokens: { uncached: undefined, total: undefined, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: undefined, text: undefined, reasoning: undefined }
  },
  response: undefined
})

/**
 * A model that answers the nth request with the nth answer of a list, or with the result of a function. It appends its
 * requests to `requests`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  answers: ReadonlyArray<ReadonlyArray<Step>> | ((request: Request, index: number) => ReadonlyArray<Step>),
  requests: Array<Request> = []
): Layer.Layer<LanguageModel.LanguageModel> => {
  const streamText = (options: LanguageModel.ProviderOptions) =>
    Stream.suspend(() => {
      const index = requests.length
      const request = {
        prompt: options.prompt,
        tools: options.tools.map(({ name }) => name),
        calls: options.toolChoice !== "none",
        toolChoice: options.toolChoice
      }
      requests.push(request)
      const steps = typeof answers === "function" ? answers(request, index) : answers[index] ?? ["Nothing more."]
      let call = 0
      const parts = Stream.fromIterable(steps).pipe(
        Stream.rechunk(1),
        Stream.flatMap((step): Stream.Stream<Response.StreamPartEncoded, AiError.AiError> => {
          if (typeof step === "string") return Stream.succeed({ type: "text-delta", id: "text", delta: step })
          if ("think" in step) {
            return Stream.make<ReadonlyArray<Response.StreamPartEncoded>>(
              { type: "reasoning-start", id: "thought" },
              { type: "reasoning-delta", id: "thought", delta: step.think },
              { type: "reasoning-end", id: "thought" }
            )
          }
          if ("wait" in step) return Stream.drain(Stream.fromEffect(Effect.sleep(step.wait)))
          if ("fail" in step) {
            return Stream.fail(AiError.make({ module: "scripted", method: "streamText", reason: step.fail }))
          }
          const id = step.id ?? `${index}.${++call}`
          return Stream.succeed({ type: "tool-call", id, name: step.call, params: step.params ?? {} })
        })
      )
      return Stream.make<[Response.StreamPartEncoded]>({ type: "text-start", id: "text" }).pipe(
        Stream.concat(parts),
        Stream.concat(Stream.suspend(() => Stream.make<[Response.StreamPartEncoded]>(finish(call > 0))))
      )
    })
  return Layer.effect(
    LanguageModel.LanguageModel,
    LanguageModel.make({
      streamText,
      generateText: (options) =>
        Stream.runFold(
          streamText(options),
          (): Array<Response.PartEncoded> => [],
          (parts, part) =>
            part.type === "text-delta"
              ? [...parts, { type: "text", text: part.delta }]
              : part.type === "tool-call" || part.type === "finish"
              ? [...parts, part]
              : parts
        )
    })
  )
}
