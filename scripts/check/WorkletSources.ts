/**
 * Makes the module that holds the text of the audio worklets, from their TypeScript: types stripped, comments left out.
 *
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"

const folder = "src/client/audio"

const files = { capture: "CaptureWorklet.ts", playback: "PlaybackWorklet.ts" }

const isCode = (line: string): boolean => line.trim() !== "" && !/^\s*(?:\/\/|\/\*|\*)/.test(line)

const literal = (text: string): string => `\`${text.replace(/[\\`]|\$\{/g, "\\$&")}\``

const javaScriptOf = (file: string): string =>
  stripTypeScriptTypes(readFileSync(`${folder}/${file}`, "utf8").replaceAll("\r\n", "\n"))
    .split("\n").filter(isCode).join("\n")

/**
 * Makes the module. `format` formats a file of this name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  format: (name: string, text: string) => string
): { readonly file: string; readonly text: string } => ({
  file: `${folder}/WorkletSources.ts`,
  text: format(
    "WorkletSources.ts",
    `/**
 * The audio worklets as text, for pages whose bundler does not bring their files.
 *
 * Made by \`npm run fix\` from \`CaptureWorklet.ts\` and \`PlaybackWorklet.ts\`. Change those, not this file.
 *
 * @since 0.1.0
 */

/**
 * JavaScript modules.
 *
 * @category constants
 * @since 0.1.0
 */
export const worklets = {
${
      Object.entries(files).map(([name, file]) => `${name}: ${literal(format(file, javaScriptOf(file)).trimEnd())}`)
        .join(",\n")
    }
}
`
  )
})
