/**
 * Agents, and all their constructors.
 *
 * @since 0.1.0
 */
export * from "./Agent.ts"
export { fallback } from "./AgentFallback.ts"
export { handOver } from "./HandOver.ts"
export { fromLanguageModel, type LanguageModelOptions } from "./LanguageModelAgent.ts"
export { ToolError } from "./ToolError.ts"
