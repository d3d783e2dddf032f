/**
 * The HTTP server of a backend: its layer, its routes for an application's own server, its options, the API as a value.
 *
 * @since 0.1.0
 */
// First, so that an older Node is told so before anything of it is missing.
export { neededNodeMajor } from "./NodeVersion.ts"

export { HttpProblemCode, Problem } from "../transport/Problem.ts"
export { Api } from "./api/Api.ts"
export { attach, type AttachOptions } from "./attach/Attach.ts"
export { layerDrain } from "./Drain.ts"
export { routes, type RoutesOptions } from "./Routes.ts"
export { layer, type ServerOptions, VoiceServer } from "./Server.ts"
export { section, ServerConfig } from "./ServerConfig.ts"
export type { SharedPort } from "./SharedPort.ts"
export { reachLikeServer } from "./TelephonyAddress.ts"
export { bindLikeServer } from "./WebRtcBinding.ts"
