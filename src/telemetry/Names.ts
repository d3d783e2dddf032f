/**
 * The names under which this library is watched: metrics and their labels. They are part of the contract with whoever
 * builds dashboards and alarms, and stand nowhere else.
 *
 * Names follow Prometheus: base units, `_total` for what only grows.
 *
 * @since 0.1.0
 */

/**
 * - `sessionsActive`: gauge, sessions that hold a slot now.
 * - `sessionsTotal`: counter, sessions created.
 * - `turnsTotal`: counter, turns that the agent began to answer.
 * - `turnLatency`: histogram in seconds, from the end of the user's speech to the first audio of the answer.
 *
 * @category names
 * @since 0.1.0
 */
export const metrics = {
  sessionsActive: "effect_voice_sessions_active",
  sessionsTotal: "effect_voice_sessions_total",
  turnsTotal: "effect_voice_turns_total",
  turnLatency: "effect_voice_turn_latency_seconds"
} as const

/**
 * Labels of metrics. Each has few values: never a session, a user or a text.
 *
 * @category names
 * @since 0.1.0
 */
export const labels = {
  provider: "provider"
} as const
