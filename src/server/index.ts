/**
 * The HTTP server of a backend: its layer, its options, the API as a value.
 *
 * @since 0.1.0
 */
export { Api } from "./Api.ts"
export { HttpProblemCode, Problem } from "./Problem.ts"
export { layer, type ServerOptions, VoiceServer } from "./Server.ts"
export { section, ServerConfig } from "./ServerConfig.ts"
