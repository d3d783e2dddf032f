/**
 * The names under which this library is watched: metrics and their labels, spans and their attributes, keys of log lines.
 * They are part of the contract with whoever builds dashboards and alarms, and stand nowhere else.
 *
 * Metrics follow Prometheus: base units, `_total` for what only grows. Spans follow OpenTelemetry's semantic conventions
 * where there are any (`gen_ai.*`, `error.type`, `http.*`, `server.address`); what is ours begins with `voice.`.
 *
 * @since 0.1.0
 */

/**
 * Each has the label `provider`; further ones are named in braces.
 *
 * - `sessionsActive`: gauge, sessions that hold a slot now.
 * - `sessionsTotal`: counter, sessions created.
 * - `sessionsEnded`: counter {`reason`}, sessions that have ended.
 * - `sessionDuration`: histogram in seconds, from a session's creation to its end.
 * - `turnsTotal`: counter, turns that the agent began to answer.
 * - `turnLatency`: histogram in seconds, from the end of the user's speech to the first audio of the answer.
 * - `turnPart`: histogram in seconds {`part`}, where that time went.
 * - `turnLatencyExceeded`: counter, turns above the latency target.
 * - `interruptions`: counter, answers that the user cut short.
 * - `errors`: counter {`code`}, failed operations and failed turns.
 * - `refusals`: counter {`reason`}, sessions that were not let in.
 * - `engineIncidents`: counter {`kind`, `engine`, `what`}, failures, retries, switches and recoveries of engines.
 * - `audioSeconds`: counter in seconds {`direction`: `in`, `out`}, the users' audio, and the speech handed to them.
 * - `eventLoopLag`: gauge in seconds, how late the event loop is, but for a tenth of the last 2 s.
 * - `loadLevel`: gauge, 0: normal, 1: busy (what nobody waits for is left out), 2: no new sessions are let in.
 * - `operationDuration`: histogram in seconds {`operation`, `outcome`: `ok`, or the code of the error}.
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
  operationDuration: "effect_voice_operation_duration_seconds"
} as const

/**
 * Labels of metrics. Each has few values: never a session, a user or a text.
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
 * The operations of the contract, as the label `operation`: what callers wait for.
 *
 * @category names
 * @since 0.1.0
 */
export const operations = [
  "start",
  "stop",
  "createSession",
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
  "session.updateMetadata",
  "session.updatePolicy",
  "session.attach"
] as const

/**
 * @category names
 * @since 0.1.0
 */
export type Operation = typeof operations[number]

/**
 * The spans, from the root: a session; its turns; what a turn is made of; requests to vendors below what asked for them.
 *
 * - `session`: from a session's creation to its end.
 * - `turn`: from the user's first word to the end of the answer.
 * - `hear`: from the end of the user's speech to the final words.
 * - `think`: the agent, from its question to its last word.
 * - `speak`: from the first text to the end of its sound.
 * - `tool`: one call of a tool; the tool's name follows.
 * - `vendor`: one request to, or one connection with, somebody else's service; the vendor's name follows.
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
 * Attributes of spans. `inputMessages` and `outputMessages` hold what people said, and are there only with `trace_speech`.
 *
 * - `turnEnd`: `completed`, `interrupted` by the user, `failed`, or `unheard`: taken back before a sound of it was heard.
 * - `outcome`: of an answer that was asked for ahead of the end of the turn (`speculative`), `committed` or `discarded`.
 * - `link`: why a span is linked to another: `created_by`, `committed`, `discarded`.
 * - `errorType`: one of the thirteen codes; for a library's span the tag or name of its error.
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
  /** The kind of the engine follows: `voice.engine.stt`. */
  engine: "voice.engine",
  turn: "voice.turn.number",
  turnEnd: "voice.turn.end",
  interrupted: "voice.turn.interrupted",
  speculative: "voice.turn.speculative",
  outcome: "voice.turn.outcome",
  latency: "voice.turn.latency_ms",
  /** The part's name and the unit follow: `voice.turn.part.agent_ms`. */
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
 * Keys of log lines from within a session, where structured logs are on.
 *
 * @category names
 * @since 0.1.0
 */
export const logKeys = {
  session: "session",
  turn: "turn"
} as const
