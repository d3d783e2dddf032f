/**
 * A backend and its sessions with every operation measured.
 *
 * @since 0.1.0
 */
import type { VoiceSession } from "../session/VoiceSession.ts"
import type { BackendMetrics } from "../telemetry/BackendMetrics.ts"
import type { VoiceBackend } from "./VoiceBackend.ts"

/**
 * The backend, as its callers see it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const backend = (
  { operation }: Pick<BackendMetrics, "operation">,
  inner: VoiceBackend["Service"]
): VoiceBackend["Service"] => {
  const { authorize } = inner
  return {
    ...inner,
    start: operation("start")(inner.start),
    stop: operation("stop")(inner.stop),
    createSession: (config) => operation("createSession")(inner.createSession(config)),
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

/**
 * A session, as its callers see it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const session = ({ operation }: Pick<BackendMetrics, "operation">, inner: VoiceSession): VoiceSession => ({
  ...inner,
  start: operation("session.start")(inner.start),
  stop: operation("session.stop")(inner.stop),
  processAudio: (audio) => operation("session.processAudio")(inner.processAudio(audio)),
  sendAudio: (audio) => operation("session.sendAudio")(inner.sendAudio(audio)),
  say: (text, options) => operation("session.say")(inner.say(text, options)),
  sendText: (text) => operation("session.sendText")(inner.sendText(text)),
  interrupt: operation("session.interrupt")(inner.interrupt),
  setAgent: (agent) => operation("session.setAgent")(inner.setAgent(agent)),
  updateMetadata: (patch) => operation("session.updateMetadata")(inner.updateMetadata(patch)),
  updatePolicy: (policy) => operation("session.updatePolicy")(inner.updatePolicy(policy)),
  attach: (connection) => operation("session.attach")(inner.attach(connection)),
  get receiveAudio() {
    return inner.receiveAudio
  },
  get events() {
    return inner.events
  }
})
