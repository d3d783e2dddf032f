/**
 * Agents, and all their constructors.
 *
 * @since 0.1.0
 */
export * from "./Agent.ts"
export { fallback } from "./AgentFallback.ts"
export { background } from "./Background.ts"
export { handOver } from "./HandOver.ts"
export type { Instructions } from "./Instructions.ts"
export { fromLanguageModel, type LanguageModelOptions } from "./LanguageModelAgent.ts"
export { setLanguage } from "./SetLanguage.ts"
export { ToolError } from "./ToolError.ts"
export { callTools } from "./tools/CallTools.ts"
