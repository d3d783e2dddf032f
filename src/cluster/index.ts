/**
 * One backend of several processes, on one machine or many: any of them answers for every session.
 *
 * `serve` does all of this by the section `cluster` of its config; a program uses it around its own backend.
 *
 * @since 0.1.0
 */
export { ClusterConfig } from "../backend/config/ClusterConfig.ts"
export { ClusterEngine } from "./engine/ClusterEngine.ts"
export { besideSessions, type ClusterStorage } from "./engine/ClusterStorage.ts"
export { layer, type VoiceClusterOptions } from "./VoiceCluster.ts"
