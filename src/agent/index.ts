/**
 * Agents: what they are, and every way to make one.
 *
 * @since 0.1.0
 */
export * from "./Agent.ts"
export { fallback } from "./AgentFallback.ts"
export { handOver } from "./HandOver.ts"
export { fromLanguageModel, type LanguageModelOptions } from "./LanguageModelAgent.ts"
