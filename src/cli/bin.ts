#!/usr/bin/env node
/**
 * The installed command `effect-voice`: runs the CLI, or says which Node it needs when the running one is too old.
 *
 * An older Node loads only this file, so it imports nothing.
 *
 * @since 0.1.0
 */

/** The oldest Node that runs the command: the first line with long-term support that has every built-in used here. */
const neededMajor = 24

if (Number.parseInt(process.versions.node, 10) < neededMajor) {
  process.stderr.write(
    `effect-voice needs Node ${neededMajor} or later; this is Node ${process.versions.node}.\n`
      + `Install a newer Node, or run it on one from npm:\n\n`
      + `  npx --package=node@${neededMajor} --package=effect-voice -- effect-voice ${
        process.argv.slice(2).join(" ")
      }\n`
  )
  process.exitCode = 1
} else {
  await import("./main.ts")
}
