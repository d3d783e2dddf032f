/**
 * Installs the real Pipecat into this package's cache, once: `npm run pipecat:install`. Prints the path of its Python, which
 * runs `scripts/pipecat/bridge.py`.
 *
 * @since 0.1.0
 */
import { find, install, version } from "./Venv.ts"

const started = performance.now()
if ("missing" in find()) process.stderr.write(`Installing Pipecat ${version}, which takes a minute or two…\n`)
const result = install()
if ("python" in result) {
  process.stderr.write(`Pipecat ${version} is there, after ${((performance.now() - started) / 1000).toFixed(1)} s:\n`)
  process.stdout.write(`${result.python}\n`)
} else {
  process.stderr.write(`${result.missing}\n`)
  process.exitCode = 1
}
