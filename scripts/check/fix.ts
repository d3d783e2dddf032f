/**
 * `npm run fix`: lets oxlint and dprint put right what they can, and writes the third-party licences, the JSON Schema of
 * configs, and the client's types and documentation of the wire protocol afresh.
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"

const commands: ReadonlyArray<ReadonlyArray<string>> = [
  ["node_modules/oxlint/bin/oxlint", "--fix"],
  ["node_modules/dprint/bin.cjs", "fmt"],
  ["scripts/check/licences.ts"],
  ["scripts/check/schema.ts"],
  ["scripts/check/protocol.ts"]
]

for (const command of commands) {
  const { status } = spawnSync(process.execPath, command, { stdio: ["ignore", "inherit", "inherit"] })
  if (status !== 0) process.exitCode = 1
}
