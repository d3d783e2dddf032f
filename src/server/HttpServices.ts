/**
 * The platform services that HTTP handlers use on Node: files, paths, file responses, ETags.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpPlatform from "@effect/platform-node/NodeHttpPlatform"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Etag from "effect/http/Etag"
import * as Layer from "effect/Layer"

/**
 * Provides them without the terminal of `NodeHttpServer.layerHttpServices`, which adds a listener to stdin for every server
 * of the process: Node warns of a leak at the eleventh.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeHttpPlatform.layer, Etag.layerWeak)
