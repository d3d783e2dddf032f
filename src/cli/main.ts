/**
 * The command `effect-voice`. Runs when it is imported, with the arguments of the process.
 *
 * @since 0.1.0
 */
import * as Run from "./Run.ts"

Run.start({ name: "effect-voice", args: process.argv.slice(2) })
