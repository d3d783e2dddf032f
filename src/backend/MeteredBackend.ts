/**
 * A backend whose operations are measured; a session measures its own.
 *
 * @since 0.1.0
 */
import type { BackendMetrics } from "../telemetry/BackendMetrics.ts"
import type { Backend } from "./BackendContract.ts"

/**
 * Measures the operations of a backend.
 *
 * @category combinators
 * @since 0.1.0
 */
export const backend = (
  { operation }: Pick<BackendMetrics, "operation">,
  inner: Backend
): Backend => {
  const { authorize } = inner
  return {
    ...inner,
    start: operation("start")(inner.start),
    stop: operation("stop")(inner.stop),
    createSession: (config) => operation("createSession")(inner.createSession(config)),
    openSession: (checked, id) => operation("createSession")(inner.openSession(checked, id)),
    dial: (request) => operation("dial")(inner.dial(request)),
    getSession: (id) => operation("getSession")(inner.getSession(id)),
    listSessions: operation("listSessions")(inner.listSessions),
    closeSession: (id) => operation("closeSession")(inner.closeSession(id)),
    access: (id) => operation("access")(inner.access(id)),
    healthCheck: operation("healthCheck")(inner.healthCheck),
    updateConfig: (next) => operation("updateConfig")(inner.updateConfig(next)),
    authorize: authorize === undefined
      ? undefined
      : (token, what) => operation("authorize")(authorize(token, what)),
    get routes() {
      return inner.routes
    },
    get clientOrigins() {
      return inner.clientOrigins
    }
  }
}
