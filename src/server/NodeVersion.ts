/**
 * Says in a sentence that the running Node is too old, where the first missing built-in would only be a `SyntaxError` or a
 * `TypeError`. Imported before everything else.
 *
 * @since 0.1.0
 */

/**
 * The major version of the oldest Node that runs the server, as in package.json and `src/cli/bin.ts`.
 *
 * @category constants
 * @since 0.1.0
 */
export const neededNodeMajor = 24

if (Number.parseInt(process.versions.node, 10) < neededNodeMajor) {
  throw new Error(`effect-voice/server needs Node ${neededNodeMajor} or later; this is Node ${process.versions.node}.`)
}
