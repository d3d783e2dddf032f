/**
 * One run in a process of its own: takes a `Load` as its argument, sends a `Measured` to its parent.
 *
 * @since 0.1.0
 */
import * as Driver from "./Driver.ts"
import type { Load, PeerModule } from "./Load.ts"

const modules: { readonly [peer: string]: string } = {
  "effect-voice": "./EffectVoice.ts",
  "livekit-agents": "./LiveKitAgents.mjs",
  "none": "./Nothing.ts"
}

const load: Load = JSON.parse(process.argv[2] ?? "")
const module: PeerModule = await import(modules[load.peer] ?? "")
const measured = await Driver.run(load, await module.connect(load))
// with what is still open there would be no end
process.send?.(measured, () => process.exit(0))
