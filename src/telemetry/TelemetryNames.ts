/**
 * The names of metrics and their labels, of spans and their attributes, and of log keys. Dashboards and alerts rely on them,
 * and they are defined only here.
 *
 * Metrics follow Prometheus: base units, and `_total` for counters. Spans follow OpenTelemetry's semantic conventions where
 * there are any (`gen_ai.*`, `error.type`, `http.*`, `server.address`); other names begin with `voice.`.
 *
 * @since 0.1.0
 */

/**
 * The metrics of every process. Each has the label `provider`; further labels are in braces.
 *
 * - `sessionsActive`: gauge, active sessions.
 * - `sessionsTotal`: counter, sessions created.
 * - `sessionsEnded`: counter {`reason`}, sessions ended.
 * - `sessionDuration`: histogram in seconds, from a session's creation to its end.
 * - `turnsTotal`: counter, turns answered.
 * - `turnLatency`: histogram in seconds, from the end of the user's speech to the first audio of the answer.
 * - `turnPart`: histogram in seconds {`part`}, the parts of that latency.
 * - `turnLatencyExceeded`: counter, turns with a latency above the target.
 * - `interruptions`: counter, answers that the user interrupted.
 * - `errors`: counter {`code`}, failed operations and turns.
 * - `refusals`: counter {`reason`}, refused sessions.
 * - `engineIncidents`: counter {`kind`, `engine`, `what`}, failures, retries, fail-overs and recoveries of engines.
 * - `audioSeconds`: counter in seconds {`direction`: `in`, `out`}, audio received from users and
 *   sent to them.
 * - `eventLoopLag`: gauge in seconds, 90th percentile of the event-loop lag over the last 2 s.
 * - `loadLevel`: gauge, 0 normal, 1 busy (interim transcripts and preemptive replies are off), 2 overloaded (new sessions are
 *   refused).
 * - `placesTaken`: gauge, the places for sessions of this process that are taken.
 * - `places`: gauge, how many there are.
 * - `placesTakenRatio`: gauge, the first by the second, 0 to 1: what an autoscaler follows.
 * - `connectionsPassedOn`: gauge, connections of clients that this process passes on to other nodes of its cluster.
 * - `healthStatus`: gauge {`part`}, the health of a part: 0 healthy, 1 degraded, 2 unhealthy.
 * - `operationDuration`: histogram in seconds {`operation`, `outcome`: `ok` or the error code}, operation duration.
 *
 * @category names
 * @since 0.1.0
 */
export const metrics = {
  sessionsActive: "effect_voice_sessions_active",
  sessionsTotal: "effect_voice_sessions_total",
  sessionsEnded: "effect_voice_sessions_ended_total",
  sessionDuration: "effect_voice_session_duration_seconds",
  turnsTotal: "effect_voice_turns_total",
  turnLatency: "effect_voice_turn_latency_seconds",
  turnPart: "effect_voice_turn_part_seconds",
  turnLatencyExceeded: "effect_voice_turn_latency_exceeded_total",
  interruptions: "effect_voice_interruptions_total",
  errors: "effect_voice_errors_total",
  refusals: "effect_voice_refusals_total",
  engineIncidents: "effect_voice_engine_incidents_total",
  audioSeconds: "effect_voice_audio_seconds_total",
  eventLoopLag: "effect_voice_event_loop_lag_seconds",
  loadLevel: "effect_voice_load_level",
  placesTaken: "effect_voice_places_taken",
  places: "effect_voice_places",
  placesTakenRatio: "effect_voice_places_taken_ratio",
  connectionsPassedOn: "effect_voice_connections_passed_on",
  healthStatus: "effect_voice_health_status",
  operationDuration: "effect_voice_operation_duration_seconds"
} as const

/**
 * The metrics of a cluster, which a process without one does not have. All processes of a cluster tell the same of it, half a
 * second old at most while its board answers: dashboards take the maximum, not the sum.
 *
 * - `nodes`: gauge, the processes of the cluster that report.
 * - `placesTaken`: gauge, the places for sessions that are taken in all of them.
 * - `places`: gauge, how many there may be: the cluster's maximum; without one, those of all processes together.
 * - `requestDuration`: histogram in seconds {`outcome`: `ok`; `error`, that the other process answered; `gone`, no answer},
 *   requests of this process to others.
 *
 * @category names
 * @since 0.1.0
 */
export const clusterMetrics = {
  nodes: "effect_voice_cluster_nodes",
  placesTaken: "effect_voice_cluster_places_taken",
  places: "effect_voice_cluster_places",
  requestDuration: "effect_voice_cluster_request_duration_seconds"
} as const

/**
 * The labels of metrics. Each has few values, so never a session, a user or a text.
 *
 * @category names
 * @since 0.1.0
 */
export const labels = {
  provider: "provider",
  reason: "reason",
  part: "part",
  code: "code",
  kind: "kind",
  engine: "engine",
  what: "what",
  direction: "direction",
  operation: "operation",
  outcome: "outcome"
} as const

/**
 * The operations that are measured: the values of the label `operation`.
 *
 * @category names
 * @since 0.1.0
 */
export const operations = [
  "start",
  "stop",
  "createSession",
  "dial",
  "getSession",
  "listSessions",
  "closeSession",
  "healthCheck",
  "updateConfig",
  "access",
  "authorize",
  "session.start",
  "session.stop",
  "session.processAudio",
  "session.sendAudio",
  "session.say",
  "session.sendText",
  "session.interrupt",
  "session.setAgent",
  "session.setLanguage",
  "session.updateMetadata",
  "session.updatePolicy",
  "session.control",
  "session.sendDtmf",
  "session.collectDigits",
  "session.transfer",
  "session.hangUp",
  "session.hold",
  "session.mute",
  "session.attach"
] as const

/**
 * @category names
 * @since 0.1.0
 */
export type Operation = typeof operations[number]

/**
 * The spans: a session, its turns, the stages of a turn, and requests to vendors below the span that made them.
 *
 * - `session`: from a session's creation to its end.
 * - `turn`: from the user's first speech to the end of the answer.
 * - `hear`: speech-to-text, from the end of the user's speech to the final transcript.
 * - `think`: the agent, from its question to the end of its text.
 * - `speak`: text-to-speech, from the first text to the last audio.
 * - `tool`: a tool call; followed by the tool's name.
 * - `vendor`: a request to, or a connection with, a vendor's service; followed by the vendor's name.
 *
 * @category names
 * @since 0.1.0
 */
export const spans = {
  session: "voice.session",
  turn: "voice.turn",
  hear: "voice.hear",
  think: "voice.think",
  speak: "voice.speak",
  tool: "execute_tool",
  vendor: "voice.vendor"
} as const

/**
 * The attributes of spans. `inputMessages` and `outputMessages` hold what was said, and are set only with `trace_speech`.
 *
 * - `turnEnd`: `completed`, `interrupted` by the user, `failed`, or `unheard`: withdrawn before any of it was audible.
 * - `outcome`: of a preemptive reply (`speculative`), `committed` or `discarded`.
 * - `link`: why a span links to another: `created_by`, `committed`, `discarded`.
 * - `errorType`: one of the 13 error codes; for a library's span the tag or name of its error.
 *
 * @category names
 * @since 0.1.0
 */
export const attributes = {
  sessionId: "voice.session.id",
  sessionEnd: "voice.session.end",
  sessionResumed: "voice.session.resumed",
  provider: "voice.provider",
  pipelineType: "voice.pipeline.type",
  /** Followed by the kind of the engine: `voice.engine.stt`. */
  engine: "voice.engine",
  turn: "voice.turn.number",
  turnEnd: "voice.turn.end",
  interrupted: "voice.turn.interrupted",
  speculative: "voice.turn.speculative",
  outcome: "voice.turn.outcome",
  latency: "voice.turn.latency_ms",
  /** Followed by the part's name and unit: `voice.turn.part.agent_ms`. */
  part: "voice.turn.part",
  errorType: "error.type",
  link: "voice.link",
  operationName: "gen_ai.operation.name",
  providerName: "gen_ai.provider.name",
  agentName: "gen_ai.agent.name",
  conversationId: "gen_ai.conversation.id",
  requestModel: "gen_ai.request.model",
  responseModel: "gen_ai.response.model",
  finishReasons: "gen_ai.response.finish_reasons",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  toolName: "gen_ai.tool.name",
  toolCallId: "gen_ai.tool.call.id",
  inputMessages: "gen_ai.input.messages",
  outputMessages: "gen_ai.output.messages",
  vendor: "voice.vendor",
  requestId: "voice.vendor.request_id",
  status: "http.response.status_code",
  method: "http.request.method",
  address: "server.address",
  closeCode: "voice.vendor.close_code"
} as const

/**
 * The keys of a session's log lines, with structured logging.
 *
 * @category names
 * @since 0.1.0
 */
export const logKeys = {
  session: "session",
  turn: "turn"
} as const
