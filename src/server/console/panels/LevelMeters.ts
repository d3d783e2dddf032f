/**
 * The meters of both voices, and the halo of the talk button.
 *
 * @since 0.1.0
 */
import type { Levels } from "../../../client/index.ts"
import { button, html } from "../Elements.ts"

/** -60 dB is an empty meter, -6 dB a full one, so that speech fills the middle. */
const scale = (rms: number): number => Math.max(0, Math.min(1, (20 * Math.log10(Math.max(rms, 1e-6)) + 60) / 54))

/**
 * Draws the levels in every animation frame.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (levels: () => Levels): void => {
  const talk = button("talk")
  const meters = { user: html("meter-user"), agent: html("meter-agent") }
  const shown = { user: 0, agent: 0 }
  const draw = () => {
    const now = levels()
    for (const who of ["user", "agent"] as const) {
      // Rises at once and falls slowly, as a meter on a mixing desk.
      const next = Math.max(scale(now[who]), shown[who] * 0.88)
      if (Math.abs(next - shown[who]) > 0.002) meters[who].style.transform = `scaleX(${next.toFixed(3)})`
      shown[who] = next
    }
    const speaking = document.body.dataset["phase"] === "speaking"
    talk.style.setProperty("--level", (speaking ? shown.agent : shown.user).toFixed(2))
    requestAnimationFrame(draw)
  }
  requestAnimationFrame(draw)
}
