/**
 * Finds out whether a node that is silent has gone.
 *
 * @since 0.1.0
 */
import * as NodeClusterHttp from "@effect/platform-node/NodeClusterHttp"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import * as Runners from "effect/cluster/Runners"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Fs from "node:fs/promises"

/** A node that works answers within milliseconds, and one whose event loop lags within a second. */
const PING_WITHIN = "2 seconds"
const NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

/** Asks the node itself, three times. */
const ping = Layer.effect(
  RunnerHealth.RunnerHealth,
  Effect.map(Runners.Runners, (runners) => ({
    isAlive: (address) =>
      runners.ping(address).pipe(
        Effect.timeout(PING_WITHIN),
        Effect.retry({ times: 2, schedule: Schedule.spaced("500 millis") }),
        Effect.isSuccess
      )
  }))
).pipe(Layer.provide(Runners.layerRpc))

/** Asks Kubernetes whether the pod with that address is ready; the service account needs `list` on the pods of its namespace. */
const k8s = Layer.unwrap(
  Effect.map(
    Effect.tryPromise(() => Fs.readFile(NAMESPACE_FILE, "utf8")).pipe(
      Effect.map((text) => text.trim()),
      Effect.orElseSucceed(() => undefined)
    ),
    (namespace) => RunnerHealth.layerK8s(namespace === undefined ? undefined : { namespace })
  )
).pipe(Layer.provide(NodeClusterHttp.layerK8sHttpClient))

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (kind: "ping" | "k8s") => kind === "k8s" ? Layer.merge(k8s, Layer.empty) : ping
